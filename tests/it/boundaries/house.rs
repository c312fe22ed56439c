//! The rules: which room may import which. What architecture.md says in words, as one function.

use std::fmt;

/// Whom each module may ask, through the other's `api`. Everybody else may ask nobody.
pub const API_EDGES: &[(&str, &[&str])] = &[
    ("admin", &["auth", "campaign", "payment", "pledge", "sandbox", "totals"]),
    ("campaign", &["auth", "totals"]),
    ("payment", &["auth", "pledge"]),
    ("pledge", &["auth", "campaign"]),
    ("sandbox", &["payment"]),
    ("stripe", &["payment"]),
];

/// The rooms of a module that other modules may enter.
pub const OPEN_ROOMS: [&str; 2] = ["api", "events"];

/// Where a source file, or the target of a path, is in the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Room {
    Kernel,
    Platform,
    /// `room` is the file or folder inside it; `None` is its `mod.rs`, or the module as a whole.
    Module {
        name: String,
        room: Option<String>,
    },
    /// `src/modules/mod.rs`, or all modules at once.
    Modules,
    /// Composition root, command line, configuration, `lib.rs`, `main.rs`.
    Root(Option<String>),
}

impl Room {
    /// The room of a path from the crate's root: `["modules", "pledge", "api", …]`.
    pub fn of(path: &[String]) -> Self {
        match path {
            [top, ..] if top == "kernel" => Self::Kernel,
            [top, ..] if top == "platform" => Self::Platform,
            [top, name, rest @ ..] if top == "modules" => {
                Self::Module { name: name.clone(), room: rest.first().cloned() }
            }
            [top] if top == "modules" => Self::Modules,
            other => Self::Root(other.first().cloned()),
        }
    }

    /// The module it belongs to.
    pub fn module(&self) -> Option<&str> {
        match self {
            Self::Module { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel => f.write_str("kernel"),
            Self::Platform => f.write_str("platform"),
            Self::Module { name, room: None } | Self::Root(Some(name)) => f.write_str(name),
            Self::Module { name, room: Some(room) } => write!(f, "{name}::{room}"),
            Self::Modules => f.write_str("all modules"),
            Self::Root(None) => f.write_str("the whole house"),
        }
    }
}

/// Why `from` may not name `to`, or `None` when it may.
pub fn objection(from: &Room, to: &Room) -> Option<&'static str> {
    match (from, to) {
        (Room::Root(_), _)
        | (Room::Kernel | Room::Platform, Room::Kernel)
        | (Room::Platform, Room::Platform) => None,
        (Room::Kernel, _) => Some("the kernel imports nothing of ours"),
        (Room::Platform, _) => Some("the platform imports the kernel only"),
        (Room::Modules, _) => Some("src/modules/mod.rs only declares the modules"),
        (Room::Module { name, room }, _) if room.as_deref() == Some("events") => {
            events_objection(name, to)
        }
        (Room::Module { .. }, Room::Kernel | Room::Platform) => None,
        (Room::Module { name, .. }, Room::Module { name: other, room }) => {
            module_objection(name, other, room.as_deref())
        }
        (Room::Module { .. }, Room::Modules | Room::Root(_)) => {
            Some("a module imports the kernel, the platform and single rooms of other modules")
        }
    }
}

fn events_objection(name: &str, to: &Room) -> Option<&'static str> {
    let own = |m: &str, room: Option<&str>| m == name && room == Some("events");
    match to {
        Room::Kernel => None,
        Room::Module { name: m, room } if own(m, room.as_deref()) => None,
        _ => Some("events are made of kernel types only"),
    }
}

fn module_objection(name: &str, other: &str, room: Option<&str>) -> Option<&'static str> {
    let listed = API_EDGES.iter().any(|(from, to)| *from == name && to.contains(&other));
    match room {
        _ if other == name => None,
        Some("events") => None,
        Some("api") if listed => None,
        Some("api") => Some("this api edge is not in the list"),
        _ => Some("of other modules only api and events"),
    }
}

/// The first cycle among edges, as `a -> b -> a`.
pub fn cycle(edges: &[(String, String)]) -> Option<String> {
    fn walk<'a>(at: &'a str, edges: &'a [(String, String)], way: &mut Vec<&'a str>) -> bool {
        let seen = way.iter().position(|step| *step == at);
        way.push(at);
        if let Some(start) = seen {
            way.drain(..start);
            return true;
        }
        let found = edges.iter().filter(|(from, _)| from == at).any(|(_, to)| walk(to, edges, way));
        if !found {
            way.pop();
        }
        found
    }
    let mut way = Vec::new();
    edges.iter().any(|(from, _)| walk(from, edges, &mut way)).then(|| way.join(" -> "))
}
