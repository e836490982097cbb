//! Builds programs with Go out of the modules beside this crate, into a cache outside the
//! checkout, so that a fresh clone finds them.

use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::binaries::{Environment, KUBERNETES_VERSION, Program};

const FLAGS: [&str; 4] = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-pgo=off"];

/// A program is nowhere, and there is no Go to build it with.
#[derive(Debug)]
pub struct NoGo(Program);

impl std::fmt::Display for NoGo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(program) = self;
        write!(
            formatter,
            "{program} for Kubernetes {KUBERNETES_VERSION} was not found and cannot be built, because `go` is not on the PATH: \
             install Go 1.26.7 or later, or set KUBEBUILDER_ASSETS to a folder that holds it"
        )
    }
}

impl std::error::Error for NoGo {}

/// Where the build of a program is or will be kept: under a key made of all that goes into it.
pub fn cached_path(environment: Environment<'_>, program: Program) -> Result<PathBuf> {
    let cache = environment("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(environment("HOME")?).join(".cache"));
    let cache = cache.or_else(home).context(
        "neither XDG_CACHE_HOME nor HOME is set, so there is no place for built programs",
    )?;
    let sums = fs::read_to_string(module(program).join("go.sum"))
        .context("the go.sum of the testbed is missing")?;
    let (sources, flags) = (own_sources(program)?, FLAGS.join(" "));
    let inputs = [&*sums, &sources, &link_flags(), &flags, tags(program), go_version()].concat();
    let key = format!("{:016x}", fnv1a_64(inputs.as_bytes()));
    Ok(cache.join("roster-testbed").join(key).join(program.name()))
}

/// Builds a program to a path. Processes that want the same one wait for each other.
pub fn build(program: Program, path: &Path) -> Result<()> {
    if go_version().is_empty() {
        return Err(NoGo(program).into());
    }
    let folder = path.parent().context("a cache path has a parent")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let lock = File::create(path.with_extension("lock"))?;
    if lock.try_lock().is_err() {
        eprintln!("waiting for another process that builds {program}");
        lock.lock()?;
    }
    if path.exists() {
        return Ok(());
    }
    let unfinished = path.with_extension("unfinished");
    run(program, &unfinished)?;
    fs::rename(&unfinished, path)?;
    Ok(())
}

fn run(program: Program, target: &Path) -> Result<()> {
    let log = target.with_extension("log");
    let mut child = Command::new("go")
        .arg("build")
        .args(FLAGS)
        .args(["-tags", tags(program)])
        .args(["-ldflags", &link_flags(), "-o"])
        .args([target.as_os_str(), package(program).as_ref()])
        .current_dir(module(program))
        .env("GOTOOLCHAIN", "local")
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()
        .context("cannot run go")?;
    let status = wait_aloud(program, &mut child)?;
    if !status.success() {
        let said = fs::read_to_string(&log).unwrap_or_default();
        bail!("building {program} failed; `go` said:\n{}", last_lines(&said, 20));
    }
    let _ = fs::remove_file(&log);
    Ok(())
}

/// Waits for a build and shows that it goes on: every second on a terminal, else now and then.
fn wait_aloud(program: Program, child: &mut Child) -> Result<std::process::ExitStatus> {
    let started = Instant::now();
    let terminal = std::io::stderr().is_terminal();
    let mut told = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            let seconds = started.elapsed().as_secs();
            let start = if terminal { "\r" } else { "" };
            eprintln!("{start}built {program} in {seconds} s          ");
            return Ok(status);
        }
        let seconds = started.elapsed().as_secs();
        let pause = if terminal { 1 } else { 15 };
        if seconds >= told + pause || (seconds == 0 && told == 0) {
            let mut out = std::io::stderr();
            let _ = if terminal {
                write!(out, "\rbuilding {program} (once; kept in the cache) … {seconds} s")
            } else if seconds > 0 {
                writeln!(out, "building {program} (once; kept in the cache) … {seconds} s")
            } else {
                Ok(())
            };
            told = seconds;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn module(program: Program) -> PathBuf {
    let module = match program {
        Program::Coredns => "coredns",
        Program::Helm => "helm",
        Program::Promtool => "promtool",
        Program::ContainerfileLint => "containerfile-lint",
        _ => "kube",
    };
    Path::new(env!("CARGO_MANIFEST_DIR")).join(module)
}

/// What of a program lies in this checkout, beside the list of its modules.
fn own_sources(program: Program) -> Result<String> {
    if program != Program::WithoutAllocator {
        return Ok(String::new());
    }
    let folder = module(program).join(package(program));
    let sources = ["main.go", "services.go"].map(|file| {
        let path = folder.join(file);
        fs::read_to_string(&path).with_context(|| format!("{} is missing", path.display()))
    });
    sources.into_iter().collect::<Result<String>>()
}

fn package(program: Program) -> &'static str {
    match program {
        Program::Etcd => "go.etcd.io/etcd/server/v3",
        Program::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
        Program::WithoutAllocator => "./without-allocator",
        Program::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
        Program::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
        Program::KubeProxy => "k8s.io/kubernetes/cmd/kube-proxy",
        Program::Coredns | Program::ContainerfileLint => ".",
        Program::Helm => "helm.sh/helm/v4/cmd/helm",
        Program::Promtool => "github.com/prometheus/prometheus/cmd/promtool",
    }
}

/// What is left out or in. promtool looks for targets in no cloud here, so it builds in a fraction of
/// the time.
fn tags(program: Program) -> &'static str {
    match program {
        Program::Promtool => "remove_all_sd",
        _ => "",
    }
}

/// Stamps the version: an unstamped server reports an empty minor version, which breaks clients.
/// Everything is constant, so that equal inputs give equal programs.
fn link_flags() -> String {
    let stamps = [
        format!("gitVersion={KUBERNETES_VERSION}"),
        "gitMajor=1".to_owned(),
        "gitMinor=36".to_owned(),
        "gitCommit=0000000000000000000000000000000000000000".to_owned(),
        "gitTreeState=clean".to_owned(),
        "buildDate=2026-01-01T00:00:00Z".to_owned(),
    ];
    let packages = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];
    let set = |package| stamps.iter().map(move |stamp| format!(" -X {package}.{stamp}"));
    let stamped: String = packages.iter().flat_map(set).collect();
    format!("-s -w{stamped}")
}

/// What `go version` says, or nothing if there is no Go.
fn go_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let output = Command::new("go").arg("version").env("GOTOOLCHAIN", "local").output();
        let said = output.map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&said).trim().to_owned()
    })
}

fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The end of a log, for an error.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(count);
    lines.get(start..).unwrap_or_default().join("\n")
}
