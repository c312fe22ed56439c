//! The manners that no compiler checks.

use syn::{Attribute, File, Meta, visit::Visit};

use crate::support::sources;

/// Lines of a file before it has to become a folder.
const LONGEST: usize = 300;

#[test]
fn no_source_is_longer_than_a_sitting() {
    let too_long: Vec<_> = sources::all()
        .into_iter()
        .map(|(file, text)| (file, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .collect();
    assert!(too_long.is_empty(), "more than {LONGEST} lines: {too_long:#?}");
}

#[test]
fn nothing_is_left_to_do() {
    let found = collect(|text| {
        let mut visitor = Unfinished(Vec::new());
        visitor.visit_file(&parse(text));
        visitor.0
    });
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_allow_has_a_reason() {
    let found = collect(unexplained);
    assert!(found.is_empty(), "without a reason: {found:#?}");
}

#[test]
fn every_module_tells_its_story() {
    for module in sources::modules() {
        let folder = sources::root().join("src/modules").join(&module);
        let text = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
        let story: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(story.len() >= 5, "{module}/mod.rs: who acts, what always holds, how it fails?");
        if folder.join("schema.rs").exists() {
            let story = story.join("\n");
            let told = |word: &str| story.contains(word) || story.contains(&word.to_lowercase());
            assert!(told("Tables:") || told("Table:"), "{module}/mod.rs names no tables");
            assert!(told("Events"), "{module}/mod.rs does not say which events go in and out");
        }
    }
}

/// Each invariant names the tests that guard it: `it:room::test`, `src:room::test`, `…::test`.
#[test]
fn the_tests_that_the_pages_name_exist() {
    for page in ["docs/ARCHITECTURE.md", "docs/SECURITY.md"] {
        let missing = missing_tests(page);
        assert!(missing.is_empty(), "{page} names {missing:#?}");
    }
}

fn missing_tests(page: &str) -> Vec<String> {
    let page = std::fs::read_to_string(sources::root().join(page)).unwrap();
    let all: Vec<_> = sources::all().into_iter().chain(sources::tests()).collect();
    let exists = |name: &str| {
        let (function, module) = (format!("fn {name}("), format!("mod {name};"));
        let inline = format!("mod {name} {{");
        let declares = |text: &str| [&function, &module, &inline].iter().any(|d| text.contains(*d));
        all.iter().any(|(file, text)| file.ends_with(name) || declares(text))
    };
    let named = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| ["it:", "src:", "…::"].iter().any(|start| word.starts_with(start)));
    let last = |word: &str| word.rsplit([':', '/']).next().unwrap_or_default().to_owned();
    named.filter(|word| !exists(&last(word))).map(str::to_owned).collect()
}

#[test]
fn the_checks_find_what_they_look_for() {
    let text = "#![allow(dead_code)]\n#[allow(unused, reason = \"a test\")]\nfn f() { todo!() }\n\
                #[cfg_attr(test, allow(unused))]\nfn g() { a(dbg!(1)); std::unimplemented!() }";
    assert_eq!(unexplained(text), ["dead_code", "unused"]);
    let mut visitor = Unfinished(Vec::new());
    visitor.visit_file(&parse(text));
    assert_eq!(visitor.0, ["todo", "dbg", "unimplemented"]);
}

/// What `find` finds, with the names of the files.
fn collect(find: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let named = |(file, text): (String, String)| {
        find(&text).into_iter().map(|what| format!("{file}: {what}")).collect::<Vec<_>>()
    };
    sources::all().into_iter().flat_map(named).collect()
}

fn parse(text: &str) -> File {
    syn::parse_file(text).unwrap()
}

struct Unfinished(Vec<String>);

impl Visit<'_> for Unfinished {
    fn visit_macro(&mut self, call: &syn::Macro) {
        let name = call.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
        if ["todo", "unimplemented", "dbg"].contains(&name.as_str()) {
            self.0.push(name);
        }
        let inner = call.parse_body_with(
            syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated,
        );
        for expression in inner.into_iter().flatten() {
            self.visit_expr(&expression);
        }
    }
}

/// The lints that are allowed without a word.
fn unexplained(text: &str) -> Vec<String> {
    struct Allows(Vec<String>);
    impl Visit<'_> for Allows {
        fn visit_attribute(&mut self, attribute: &Attribute) {
            self.0.extend(lints_without_reason(&attribute.meta));
        }
    }
    let mut allows = Allows(Vec::new());
    allows.visit_file(&parse(text));
    allows.0
}

fn lints_without_reason(meta: &Meta) -> Vec<String> {
    let Meta::List(list) = meta else { return Vec::new() };
    let parser = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
    let Ok(inner) = list.parse_args_with(parser) else { return Vec::new() };
    if list.path.is_ident("cfg_attr") {
        return inner.iter().skip(1).flat_map(lints_without_reason).collect();
    }
    let silent = !inner.iter().any(|m| m.path().is_ident("reason"));
    if !(list.path.is_ident("allow") || list.path.is_ident("expect")) || !silent {
        return Vec::new();
    }
    let name = |m: &Meta| m.path().segments.last().map(|s| s.ident.to_string());
    inner.iter().filter_map(name).collect()
}
