//! A request, read: what is asked for, of which kind and object.

use std::fmt;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};

use crate::kinds::{Kind, Kinds, NAMESPACE, Part, Scope, Storage};
use crate::managed::{Operation, Writer};
use crate::negotiate::{Form, Language};
use crate::refusal::Refusal;
use crate::tokens::Requester;

/// What is done, in the words of authorization rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads an object.
    Get,
    /// Reads many.
    List,
    /// Follows many.
    Watch,
    /// Makes an object.
    Create,
    /// Replaces an object.
    Update,
    /// Changes parts of an object.
    Patch,
    /// Deletes an object.
    Delete,
    /// Deletes many.
    DeleteCollection,
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::DeleteCollection => "deletecollection",
        };
        formatter.write_str(word)
    }
}

/// A request for objects of a kind.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is asked for.
    pub verb: Verb,
    /// Of which kind.
    pub kind: &'static Kind,
    /// In which namespace; empty for all, and for objects of the cluster.
    pub namespace: String,
    /// Which object; empty for many, and for a new one.
    pub name: String,
    /// What part of it.
    pub part: Part,
    /// How the answer is wanted.
    pub form: Form,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The body's media type, without parameters.
    pub media_type: Option<String>,
    /// The body.
    pub body: Bytes,
    /// Who asks.
    pub requester: Requester,
    /// With which program: `User-Agent`.
    pub program: String,
}

/// What is done about fields that are unknown or stand twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValidation {
    /// Nothing.
    Ignore,
    /// The request is refused.
    Strict,
    /// The answer warns of them.
    Warn,
}

impl FieldValidation {
    /// What a request wants.
    ///
    /// # Errors
    /// 422 for a word that is none of the three.
    pub fn of(ask: &Ask) -> Result<Self, Refusal> {
        match ask.parameter("fieldValidation") {
            "" | "Warn" => Ok(FieldValidation::Warn),
            "Ignore" => Ok(FieldValidation::Ignore),
            "Strict" => Ok(FieldValidation::Strict),
            other => Err(Refusal::invalid_option(
                ask.verb,
                "fieldValidation",
                "FieldValueNotSupported",
                &format!(
                    "Unsupported value: \"{other}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""
                ),
            )),
        }
    }
}

impl Ask {
    /// Reads a request for objects.
    pub fn read(parts: &Parts, body: Bytes, kinds: &Kinds) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or("").as_bytes();
        let query: Vec<(String, String)> = form_urlencoded::parse(query).into_owned().collect();
        let (kind, namespace, name, part) = place(kinds, parts.uri.path())?;
        let watch = query
            .iter()
            .any(|(key, value)| key == "watch" && !matches!(value.as_str(), "false" | "0"));
        let verb = verb(&parts.method, &name, part, watch)?;
        let forgotten = kind.storage == Storage::None && verb != Verb::Create;
        if forgotten || verb == Verb::DeleteCollection && *kind == NAMESPACE {
            return Err(Refusal::method());
        }
        if verb == Verb::Create && kind.scope == Scope::Namespaced && namespace.is_empty() {
            return Err(Refusal::method());
        }
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| {
            let text = value.to_str().ok()?;
            Some(text.split(';').next().unwrap_or("").trim().to_owned())
        });
        let form = Form::wanted(parts)?;
        if verb == Verb::Watch && Language::wanted(parts) == Language::Yaml {
            return Err(Refusal::form(&[
                "application/json;stream=watch",
                "application/vnd.kubernetes.protobuf;stream=watch",
            ]));
        }
        let requester = parts.extensions.get().cloned().unwrap_or_default();
        let program = parts.headers.get(header::USER_AGENT).and_then(|name| name.to_str().ok());
        let program = program.unwrap_or("").to_owned();
        Ok(Self {
            verb,
            kind,
            namespace,
            name,
            part,
            form,
            query,
            media_type,
            body,
            requester,
            program,
        })
    }

    /// Which object: `namespace/name`, as far as the request says.
    pub fn place(&self) -> String {
        match self.namespace.as_str() {
            "" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }

    /// Who writes, as `managedFields` name it: the field manager, or else the program.
    pub fn writer(&self, operation: Operation, time: String) -> Writer {
        let program = self.program.split('/').next().unwrap_or("");
        let names = [self.parameter("fieldManager"), program, "unknown"];
        let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or("");
        let subresource = match self.part {
            Part::Status => "status",
            Part::Scale => "scale",
            _ => "",
        };
        let api_version = self.kind.stored().api_version();
        Writer { name: name.to_owned(), operation, api_version, subresource, time }
    }

    /// The same question about the state at a revision.
    #[must_use]
    pub fn at_revision(&self, revision: u64) -> Self {
        let mut asked = self.clone();
        asked.query.retain(|(name, _)| !name.starts_with("resourceVersion") && name != "continue");
        asked.query.extend([
            ("resourceVersion".to_owned(), revision.to_string()),
            ("resourceVersionMatch".to_owned(), "Exact".to_owned()),
        ]);
        asked
    }

    /// Whether nothing is to be stored.
    pub fn is_dry_run(&self) -> bool {
        self.parameter("dryRun") == "All"
    }

    /// The value of a query parameter; absent is empty.
    pub fn parameter(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

fn verb(method: &Method, name: &str, part: Part, watch: bool) -> Result<Verb, Refusal> {
    match (method, name.is_empty(), part) {
        (&Method::POST, false, Part::Binding | Part::Eviction | Part::Token) => Ok(Verb::Create),
        (_, _, Part::Binding | Part::Eviction | Part::Token) => Err(Refusal::method()),
        (&Method::GET, false, Part::Containers) => Ok(Verb::Get),
        (&Method::POST, false, Part::Containers) => Ok(Verb::Create),
        (&Method::GET, true, _) if watch => Ok(Verb::Watch),
        (&Method::GET, true, _) => Ok(Verb::List),
        (&Method::GET, false, _) => Ok(Verb::Get),
        (&Method::POST, true, _) => Ok(Verb::Create),
        (&Method::PUT, false, _) => Ok(Verb::Update),
        (&Method::PATCH, false, _) => Ok(Verb::Patch),
        (&Method::DELETE, false, Part::Main) => Ok(Verb::Delete),
        (&Method::DELETE, true, _) => Ok(Verb::DeleteCollection),
        _ => Err(Refusal::method()),
    }
}

/// Takes a path apart: `/api/v1/…` or `/apis/GROUP/VERSION/…`, then `[namespaces/NS/]PLURAL[/NAME[/PART]]`.
fn place(kinds: &Kinds, path: &str) -> Result<(&'static Kind, String, String, Part), Refusal> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(Refusal::no_such_path()),
    };
    let (namespace, rest) = match rest {
        // What stands behind a namespace's own name is either a part of it or a kind within.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] => (*namespace, rest),
        _ => ("", rest),
    };
    let (plural, name, part) = match rest {
        [plural] => (*plural, "", Part::Main),
        [plural, name] => (*plural, *name, Part::Main),
        [plural, name, part] => {
            (*plural, *name, Part::named(part).ok_or_else(Refusal::no_such_path)?)
        }
        _ => return Err(Refusal::no_such_path()),
    };
    let kind = kinds.find(group, version, plural).ok_or_else(Refusal::no_such_path)?;
    let misplaced = kind.scope == Scope::Cluster && !namespace.is_empty();
    if misplaced || !kind.has(part) {
        return Err(Refusal::no_such_path());
    }
    Ok((kind, namespace.to_owned(), name.to_owned(), part))
}
