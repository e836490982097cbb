//! A Node and its Pods: each Pod is a network namespace with a cable to the Node's, which routes. On a
//! bridge answers would pass by the Node's translation of addresses.
//!
//! ```text
//!   pod-1: eth0 10.244.0.1 ───── pod-1 ┐
//!   pod-2: eth0 10.244.0.2 ───── pod-2 ├ the Node: lo 10.1.0.1, kube-proxy's rules
//!   client: eth0 10.244.1.1 ──── …     ┘
//! ```

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};

/// The addresses of Pods, as kube-proxy takes them.
pub const CLUSTER_CIDR: &str = "10.244.0.0/16,fd00:244::/64";
/// The addresses of the Node.
pub const NODE: [&str; 2] = ["10.1.0.1", "fd00:1::1"];

/// Both ends of a cable know each other, so that nobody has to ask for a neighbour and wait.
const OF_THE_NODE: &str = "02:00:00:00:00:01";
const OF_THE_POD: &str = "02:00:00:00:00:02";

/// A place in the network that is not the Node.
#[derive(Clone, Debug)]
pub struct Place {
    /// The name of the namespace.
    pub name: String,
    /// Its address.
    pub ipv4: Ipv4Addr,
    /// Its other address.
    pub ipv6: Ipv6Addr,
}

/// Makes the Node's network out of an empty one.
pub fn lay_out() {
    for (file, value) in [
        ("ipv4/ip_forward", "1"),
        ("ipv6/conf/all/forwarding", "1"),
        // Nobody else has the addresses: there is nothing to detect, and nothing to wait for.
        ("ipv6/conf/all/accept_dad", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
    ] {
        std::fs::write(format!("/proc/sys/net/{file}"), value).unwrap();
    }
    let [ipv4, ipv6] = NODE;
    batch(
        &["-batch", "-"],
        &format!(
            "link set lo up\n\
             addr add {ipv4}/32 dev lo\n\
             addr add {ipv6}/128 dev lo nodad\n"
        ),
    );
}

impl Place {
    /// Makes one. Numbers must differ, names too, and names of links have 15 characters at most.
    pub fn new(name: &str, number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        let ipv4 = Ipv4Addr::new(10, 244, high, low);
        let ipv6 = Ipv6Addr::new(0xfd00, 0x244, 0, 0, 0, 0, 0, number);
        let place = Self { name: name.to_owned(), ipv4, ipv6 };
        run(&format!("ip netns add {name}"));
        place.plug_in_at_the_node();
        place.plug_in_here();
        place
    }

    fn plug_in_at_the_node(&self) {
        let Self { name, ipv4, ipv6 } = self;
        batch(
            &["-batch", "-"],
            &format!(
                "link add {name} address {OF_THE_NODE} type veth peer name eth0 address {OF_THE_POD} netns {name}\n\
                 link set {name} up\n\
                 route add {ipv4}/32 dev {name}\n\
                 route add {ipv6}/128 dev {name}\n\
                 neigh add {ipv4} lladdr {OF_THE_POD} dev {name} nud permanent\n\
                 neigh add {ipv6} lladdr {OF_THE_POD} dev {name} nud permanent\n"
            ),
        );
    }

    fn plug_in_here(&self) {
        let Self { name, ipv4, ipv6 } = self;
        batch(
            &["-netns", name, "-batch", "-"],
            &format!(
                "link set lo up\n\
                 link set eth0 up\n\
                 addr add {ipv4}/32 dev eth0\n\
                 addr add {ipv6}/128 dev eth0 nodad\n\
                 route add 169.254.1.1 dev eth0 scope link\n\
                 route add default via 169.254.1.1\n\
                 neigh add 169.254.1.1 lladdr {OF_THE_NODE} dev eth0 nud permanent\n\
                 neigh add fe80::1 lladdr {OF_THE_NODE} dev eth0 nud permanent\n\
                 route add ::/0 via fe80::1 dev eth0\n"
            ),
        );
    }

    /// A program that is to run here.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Its addresses, as texts.
    pub fn addresses(&self) -> [IpAddr; 2] {
        [self.ipv4.into(), self.ipv6.into()]
    }

    /// Takes it away, with the cable.
    pub fn remove(&self) {
        run(&format!("ip netns del {}", self.name));
    }
}

/// Runs a command that must succeed.
pub fn run(line: &str) {
    let mut words = line.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
    assert!(status.success(), "{line}: {status}");
}

fn batch(arguments: &[&str], lines: &str) {
    let mut ip = Command::new("ip").args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    ip.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let status = ip.wait().unwrap();
    assert!(status.success(), "ip failed at some of\n{lines}");
}
