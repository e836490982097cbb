//! Where the programs come from. The first of these that has a program of the right version wins:
//! the folder named by `KUBEBUILDER_ASSETS` (or the files named by `TEST_ASSET_ETCD` and so on),
//! what `setup-envtest` has downloaded, this project's cache, and last a build with Go.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;

/// The release that the built programs are, and that comparisons demand.
pub const KUBERNETES_VERSION: &str = "v1.36.3";

/// The programs of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// The store.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The same, but that it gives Services no ClusterIPs: built here, found nowhere else.
    WithoutAllocator,
    /// The stock manager that Roster is compared with.
    KubeControllerManager,
    /// The command line.
    Kubectl,
    /// A consumer of slices: the service proxy.
    KubeProxy,
    /// A consumer of slices: the DNS server.
    Coredns,
    /// Renders charts.
    Helm,
    /// Checks and tries rules of Prometheus.
    Promtool,
    /// Looks for mistakes in a Containerfile.
    ContainerfileLint,
}

impl Program {
    /// What tests and benchmarks need.
    pub const USUAL: [Program; 8] = [
        Program::Etcd,
        Program::KubeApiserver,
        Program::WithoutAllocator,
        Program::KubeControllerManager,
        Program::Kubectl,
        Program::Helm,
        Program::Promtool,
        Program::ContainerfileLint,
    ];

    /// Everything that can be built.
    pub const ALL: [Program; 10] = [
        Program::Etcd,
        Program::KubeApiserver,
        Program::WithoutAllocator,
        Program::KubeControllerManager,
        Program::Kubectl,
        Program::Helm,
        Program::Promtool,
        Program::ContainerfileLint,
        Program::KubeProxy,
        Program::Coredns,
    ];

    /// The file name.
    pub fn name(self) -> &'static str {
        match self {
            Program::Etcd => "etcd",
            Program::KubeApiserver => "kube-apiserver",
            Program::WithoutAllocator => "kube-apiserver-without-allocator",
            Program::KubeControllerManager => "kube-controller-manager",
            Program::Kubectl => "kubectl",
            Program::KubeProxy => "kube-proxy",
            Program::Coredns => "coredns",
            Program::Helm => "helm",
            Program::Promtool => "promtool",
            Program::ContainerfileLint => "containerfile-lint",
        }
    }

    /// The environment variable that names the file.
    fn variable(self) -> String {
        format!("TEST_ASSET_{}", self.name().to_uppercase().replace('-', "_"))
    }

    /// What `--version` must contain. The stock manager is compared with, so it must be the very
    /// release; the others only have to speak the same API.
    fn wanted_version(self) -> &'static str {
        match self {
            Program::Etcd => "3.",
            Program::KubeControllerManager | Program::WithoutAllocator => KUBERNETES_VERSION,
            Program::Coredns => "1.",
            Program::Helm => "v4.",
            // Built from source it does not know its version; go.mod does.
            Program::Promtool => "promtool, version",
            // It is our own, of one version only.
            Program::ContainerfileLint => "containerfile-lint",
            Program::KubeApiserver | Program::Kubectl | Program::KubeProxy => "v1.36",
        }
    }

    fn version_arguments(self) -> &'static [&'static str] {
        match self {
            Program::Kubectl => &["version", "--client"],
            Program::Coredns => &["-version"],
            Program::Helm => &["version", "--short"],
            _ => &["--version"],
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Reads an environment variable; handed in so that tests can have an environment of their own.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Finds programs, and builds what is missing.
pub struct Binaries<'a> {
    environment: Environment<'a>,
}

impl Default for Binaries<'_> {
    fn default() -> Self {
        Self { environment: &|name| std::env::var_os(name) }
    }
}

impl<'a> Binaries<'a> {
    /// Looks at this environment instead of the process's own.
    pub fn in_environment(environment: Environment<'a>) -> Self {
        Self { environment }
    }

    /// The path of a program.
    ///
    /// # Errors
    /// If a file is named by the environment and is not the right version, or if nothing was found
    /// and the build failed.
    pub fn find(&self, program: Program) -> Result<PathBuf> {
        if let Some(named) = self.named(program)? {
            return Ok(named);
        }
        let built = build::cached_path(self.environment, program)?;
        let mut places = self.downloaded(program);
        places.push(built.clone());
        if let Some(found) = places.into_iter().find(|path| version_of(program, path).is_ok()) {
            return Ok(found);
        }
        build::build(program, &built)?;
        version_of(program, &built)
            .with_context(|| format!("the {program} just built is unusable"))?;
        Ok(built)
    }

    /// What the environment names. A wrong version here is an error, not a reason to look on:
    /// somebody meant this file.
    fn named(&self, program: Program) -> Result<Option<PathBuf>> {
        let variable = program.variable();
        if let Some(file) = (self.environment)(&variable) {
            let path = PathBuf::from(file);
            version_of(program, &path)
                .with_context(|| format!("{variable} names an unusable {program}"))?;
            return Ok(Some(path));
        }
        let Some(folder) = (self.environment)("KUBEBUILDER_ASSETS") else {
            return Ok(None);
        };
        let path = Path::new(&folder).join(program.name());
        // Such folders hold etcd, kube-apiserver and kubectl only; the rest is looked for elsewhere.
        if !path.exists() {
            return Ok(None);
        }
        version_of(program, &path)
            .with_context(|| format!("KUBEBUILDER_ASSETS holds an unusable {program}"))?;
        Ok(Some(path))
    }

    /// What `setup-envtest` has left, the newest first.
    fn downloaded(&self, program: Program) -> Vec<PathBuf> {
        let data = (self.environment)("XDG_DATA_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from((self.environment)("HOME")?).join(".local/share"));
        let Some(data) = data.or_else(home) else {
            return Vec::new();
        };
        let versions = std::fs::read_dir(data.join("kubebuilder-envtest/k8s"));
        let entries = versions.into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.path().join(program.name())).collect();
        paths.retain(|path| path.exists());
        paths.sort();
        paths.reverse();
        paths
    }
}

/// Asks a program for its version, and refuses the wrong one.
fn version_of(program: Program, path: &Path) -> Result<String> {
    let output = Command::new(path)
        .args(program.version_arguments())
        .output()
        .with_context(|| format!("cannot run {}", path.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let wanted = program.wanted_version();
    if !text.contains(wanted) {
        let first = text.lines().next().unwrap_or("nothing");
        bail!("{} says {first:?}, {wanted} is wanted", path.display());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(folder: &Path, name: &str, says: &str) {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_named_program_of_another_version_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        script(folder.path(), "kube-apiserver", "Kubernetes v1.30.0");
        let named = folder.path().as_os_str().to_owned();
        let environment = |name: &str| (name == "KUBEBUILDER_ASSETS").then(|| named.clone());
        let error =
            Binaries::in_environment(&environment).find(Program::KubeApiserver).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("KUBEBUILDER_ASSETS"), "{text}");
        assert!(text.contains("v1.30.0"), "{text}");
        assert!(text.contains("v1.36"), "{text}");
    }

    #[test]
    fn a_named_program_of_the_right_version_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        script(folder.path(), "etcd", "etcd Version: 3.6.8");
        let file = folder.path().join("etcd");
        let environment =
            |name: &str| (name == "TEST_ASSET_ETCD").then(|| file.clone().into_os_string());
        assert_eq!(Binaries::in_environment(&environment).find(Program::Etcd).unwrap(), file);
    }

    #[test]
    fn an_older_download_of_envtest_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let downloads = folder.path().join("kubebuilder-envtest/k8s");
        for version in ["1.30.0-linux-amd64", "1.36.3-linux-amd64"] {
            let place = downloads.join(version);
            std::fs::create_dir_all(&place).unwrap();
            script(
                &place,
                "kubectl",
                &format!("Client Version: v{}", version.split('-').next().unwrap()),
            );
        }
        let data = folder.path().as_os_str().to_owned();
        let environment =
            |name: &str| matches!(name, "XDG_DATA_HOME" | "XDG_CACHE_HOME").then(|| data.clone());
        let found = Binaries::in_environment(&environment).find(Program::Kubectl).unwrap();
        assert_eq!(found, downloads.join("1.36.3-linux-amd64/kubectl"));
    }
}
