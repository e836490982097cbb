//! How the admission webhook is served, checked.

use std::path::PathBuf;

use controller_core::key::Controller;

use super::controllers::ControllerSelection;
use super::flags::{self, serving, webhook::Values};
use super::serving::{CertificateSource, Listening, given, listening, port_problem, tls_problems};

/// All about the admission webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// The port.
    pub listening: Listening,
    /// `--webhook-cert-dir`: where the certificate lies, or is made once.
    pub directory: PathBuf,
    /// `--webhook-client-ca-file`: the authorities of those who may ask; none means that all may.
    pub client_ca: Option<PathBuf>,
}

/// All that is wrong with the values. Without a port nothing else matters.
pub fn problems(values: &flags::Values) -> Vec<String> {
    let webhook = &values.webhook;
    if webhook.secure_port == 0 {
        return Vec::new();
    }
    let mut errors: Vec<String> =
        port_problem("webhook-secure-port", webhook.secure_port).into_iter().collect();
    if values.serving.secure_port == 0 {
        errors.extend(tls_problems(&values.serving));
    }
    if webhook.cert_dir.is_empty() {
        errors.push("--webhook-cert-dir is required with --webhook-secure-port".to_owned());
    }
    if !ControllerSelection::new(values.controllers.words()).runs(Controller::ClusterIp) {
        errors.push(
            "--webhook-secure-port needs clusterip-controller among --controllers: it knows which \
             addresses are free"
                .to_owned(),
        );
    }
    errors
}

/// How it is served, if it is. The values must have no [`problems`]. TLS is as on the other port.
pub fn webhook(values: &Values, tls: &serving::Values) -> Option<Webhook> {
    let port = u16::try_from(values.secure_port).ok().filter(|port| *port > 0)?;
    let directory = PathBuf::from(&values.cert_dir);
    let certificate = CertificateSource::Files {
        certificate: directory.join("tls.crt"),
        key: directory.join("tls.key"),
    };
    Some(Webhook {
        listening: listening(tls, values.bind_address, port, certificate),
        client_ca: given(&values.client_ca_file),
        directory,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigError, Request, parse};

    fn parsed(flags: &[&str]) -> Result<Option<Webhook>, String> {
        let arguments: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        match parse(&arguments) {
            Ok(Request::Run(config)) => Ok(config.webhook),
            Err(ConfigError::Usage(error) | ConfigError::Invalid(error)) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn there_is_none_unless_it_is_asked_for() {
        assert_eq!(parsed(&["--webhook-cert-dir=/certificates"]), Ok(None));
    }

    #[test]
    fn it_speaks_the_same_tls_as_the_other_port() {
        let webhook = parsed(&[
            "--controllers=clusterip-controller",
            "--webhook-secure-port=9443",
            "--webhook-bind-address=127.0.0.1",
            "--webhook-cert-dir=/certificates",
            "--webhook-client-ca-file=/ca.crt",
            "--tls-min-version=VersionTLS13",
            "--secure-port=0",
        ]);
        let webhook = webhook.unwrap().unwrap();
        assert_eq!((webhook.listening.port, webhook.client_ca), (9443, Some("/ca.crt".into())));
        assert_eq!(webhook.listening.min_version, crate::serving::tls::TlsVersion::Tls13);
        let files = CertificateSource::Files {
            certificate: "/certificates/tls.crt".into(),
            key: "/certificates/tls.key".into(),
        };
        assert_eq!(webhook.listening.certificate, files);
    }

    #[test]
    fn what_it_needs_besides_is_told_together() {
        let without = "--controllers=*,-clusterip-controller";
        let error = parsed(&[without, "--webhook-secure-port=70000"]).unwrap_err();
        for part in [
            "--webhook-secure-port 70000 must be between 1 and 65535",
            "--webhook-cert-dir is required",
            "needs clusterip-controller among --controllers",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
