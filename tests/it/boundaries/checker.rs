//! From sources to violations. Pure: no file is opened here.

use std::{collections::BTreeSet, fmt};

use super::{
    house::{OPEN_ROOMS, Room, cycle, objection},
    reader::{self, Contents, Named},
    sql,
};

/// One sentence about one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub file: String,
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Judges all sources together: (path from the package's root, text).
pub fn check(sources: &[(String, String)]) -> Vec<Violation> {
    let mut modules: BTreeSet<String> = BTreeSet::new();
    for (file, _) in sources {
        modules.extend(Room::of(&reader::module_path(file)).module().map(str::to_owned));
    }
    let mut violations = Vec::new();
    let mut edges = Vec::new();
    for (file, text) in sources {
        let at = reader::module_path(file);
        let room = Room::of(&at);
        match reader::read(&at, text) {
            Ok(contents) => {
                let found = judge(&at, &contents, &modules);
                violations.extend(found.into_iter().map(|(line, what)| Violation {
                    file: file.clone(),
                    line,
                    what,
                }));
                edges.extend(contents.named.iter().filter_map(|named| api_edge(&room, named)));
            }
            Err(error) => violations.push(Violation {
                file: file.clone(),
                line: error.span().start().line,
                what: format!("cannot be read: {error}"),
            }),
        }
    }
    violations.extend(cycle(&edges).map(|way| Violation {
        file: "src/modules".into(),
        line: 0,
        what: format!("cycle of api edges: {way}"),
    }));
    violations
}

fn judge(at: &[String], contents: &Contents, modules: &BTreeSet<String>) -> Vec<(usize, String)> {
    let room = Room::of(at);
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut add = |line: usize, what: String| {
        if !found.contains(&(line, what.clone())) {
            found.push((line, what));
        }
    };
    for named in &contents.named {
        let to = Room::of(&named.path);
        if let Some(why) = objection(&room, &to) {
            add(named.line, format!("{room} may not import {to}: {why}"));
        }
    }
    for (line, what) in &contents.hidden {
        add(*line, (*what).to_owned());
    }
    if matches!(room, Room::Module { room: None, .. }) {
        entrance(at, contents, &mut add);
    }
    if matches!(&room, Room::Module { room: Some(r), .. } if OPEN_ROOMS.contains(&r.as_str())) {
        // or whatever is in a private room would be open with it
        for named in contents.handed_on.iter().filter(|named| named.glob) {
            add(named.line, "a re-export names single items, not a room".into());
        }
    }
    let foreign = |schema: &str| match &room {
        Room::Module { name, .. } => {
            name != schema && (modules.contains(schema) || schema == "bus")
        }
        Room::Kernel | Room::Platform => modules.contains(schema),
        Room::Modules | Room::Root(_) => false,
    };
    for (line, text) in &contents.strings {
        for schema in sql::schemas(text).iter().filter(|schema| foreign(schema)) {
            add(*line, format!("{room} may not touch tables of {schema} in SQL"));
        }
    }
    for (line, schema) in contents.tables.iter().filter(|(_, schema)| foreign(schema)) {
        add(*line, format!("{room} may not declare tables of {schema}"));
    }
    found
}

/// A module's `mod.rs`: its rooms are private, and what it hands on is named one by one.
fn entrance(at: &[String], contents: &Contents, add: &mut impl FnMut(usize, String)) {
    for module in contents.modules.iter().filter(|m| m.top && !m.private) {
        if !OPEN_ROOMS.contains(&module.name.as_str()) {
            add(module.line, format!("room {} must be private", module.name));
        }
    }
    for named in &contents.handed_on {
        let room = named.path.strip_prefix(at).unwrap_or_default();
        let whole = room.len() == 1 && contents.modules.iter().any(|m| m.top && m.name == room[0]);
        if named.glob || whole {
            add(named.line, "a re-export names single items, not a room".into());
        }
    }
}

fn api_edge(from: &Room, named: &Named) -> Option<(String, String)> {
    let own = from.module()?;
    match Room::of(&named.path) {
        Room::Module { name, room: Some(room) } if room == "api" && name != own => {
            Some((own.to_owned(), name))
        }
        _ => None,
    }
}
