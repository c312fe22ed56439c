//! What a source file names: every path of ours, spelled out from the crate's root, and every
//! string literal. Sees through groups, renames, globs, `self`, `super`, nested modules, and into
//! the arguments of macros and attributes.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{
    Attribute, File, Item, ItemMod, ItemUse, Lit, LitStr, Macro, Path, UseTree, VisRestricted,
    Visibility, spanned::Spanned, visit::Visit,
};

/// A path of ours that is named somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    /// From the crate's root, which is not in it.
    pub path: Vec<String>,
    /// `…::*`
    pub glob: bool,
}

/// A `mod` item.
#[derive(Debug)]
pub struct Declared {
    pub line: usize,
    pub name: String,
    pub private: bool,
    /// Directly in the file, not in a module inside it.
    pub top: bool,
}

#[derive(Debug, Default)]
pub struct Contents {
    pub named: Vec<Named>,
    /// What `pub use` hands on, at the top of the file.
    pub handed_on: Vec<Named>,
    pub modules: Vec<Declared>,
    /// Line and text.
    pub strings: Vec<(usize, String)>,
    /// Line and schema of each `table!`.
    pub tables: Vec<(usize, String)>,
    /// What this reader cannot follow.
    pub hidden: Vec<(usize, &'static str)>,
}

/// Reads the file that is the module `at`.
pub fn read(at: &[String], text: &str) -> syn::Result<Contents> {
    let file: File = syn::parse_file(text)?;
    let mut reader = Reader { at: at.to_vec(), file_depth: at.len(), ..Reader::default() };
    reader.children = vec![children(&file.items)];
    reader.visit_file(&file);
    Ok(reader.found)
}

/// The module of a file: `src/modules/pledge/repo/room.rs` is `modules::pledge::repo::room`.
pub fn module_path(file: &str) -> Vec<String> {
    let path = file.strip_prefix("src/").unwrap_or(file).trim_end_matches(".rs");
    let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    let last = parts.last().map_or("", String::as_str);
    if last == "mod" || (parts.len() == 1 && (last == "lib" || last == "main")) {
        parts.pop();
    }
    parts
}

fn children(items: &[Item]) -> Vec<String> {
    let name = |item: &Item| match item {
        Item::Mod(module) => Some(module.ident.to_string()),
        _ => None,
    };
    items.iter().filter_map(name).collect()
}

#[derive(Default)]
struct Reader {
    /// The module that is being read, inline ones included.
    at: Vec<String>,
    file_depth: usize,
    /// The modules declared in each of the modules from the file inwards.
    children: Vec<Vec<String>>,
    found: Contents,
}

impl Reader {
    /// From the crate's root; `None` when the path is somebody else's, or of this module's items.
    fn resolve(&self, segments: &[String]) -> Option<Vec<String>> {
        let mut base = self.at.clone();
        let mut rest = segments;
        match segments.first()?.as_str() {
            "crate" | "careforall" => {
                base.clear();
                rest = &segments[1..];
            }
            "self" => rest = &segments[1..],
            "super" => {}
            first => {
                let known = self.children.last().is_some_and(|c| c.iter().any(|n| n == first));
                return known.then(|| [base, segments.to_vec()].concat());
            }
        }
        while let Some("super") = rest.first().map(String::as_str) {
            base.pop();
            rest = &rest[1..];
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn name(&mut self, line: usize, segments: &[String], glob: bool) -> Option<Named> {
        let path = self.resolve(segments)?;
        let named = Named { line, path, glob };
        self.found.named.push(named.clone());
        Some(named)
    }

    fn string(&mut self, literal: &LitStr) {
        let text = literal.value();
        let line = literal.span().start().line;
        // as in #[serde(with = "crate::…")]
        if text.starts_with("crate::") || text.starts_with("super::") {
            let segments: Vec<_> = text.split("::").map(|s| s.trim().to_owned()).collect();
            self.name(line, &segments, false);
        }
        self.found.strings.push((line, text));
    }

    /// The paths and strings among tokens that are not parsed.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_path(line, &mut path);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    // an import written inside a macro: `use crate::{kernel, platform}`
                    if group.delimiter() == Delimiter::Brace && colons == 2 && !path.is_empty() {
                        self.grouped(line, &path, group.stream());
                    }
                    self.end_path(line, &mut path);
                    self.tokens(group.stream());
                }
                TokenTree::Literal(literal) => {
                    self.end_path(line, &mut path);
                    if let Lit::Str(string) = Lit::new(literal.clone()) {
                        self.string(&string);
                    }
                }
                TokenTree::Punct(_) => self.end_path(line, &mut path),
            }
            colons = 0;
        }
        self.end_path(line, &mut path);
    }

    fn end_path(&mut self, line: usize, path: &mut Vec<String>) {
        let segments = std::mem::take(path);
        // a lone `self` or `crate` among tokens is a receiver or a visibility, no path
        if segments.len() > 1 {
            self.name(line, &segments, false);
        }
    }

    fn grouped(&mut self, line: usize, prefix: &[String], group: TokenStream) {
        let Ok(tree) = syn::parse2::<UseTree>(quote_group(group)) else { return };
        for (rest, glob) in leaves(&tree) {
            self.name(line, &[prefix.to_vec(), rest].concat(), glob);
        }
    }
}

fn quote_group(group: TokenStream) -> TokenStream {
    TokenTree::Group(proc_macro2::Group::new(Delimiter::Brace, group)).into()
}

/// What an import names: a path each, and whether all in it.
fn leaves(tree: &UseTree) -> Vec<(Vec<String>, bool)> {
    let under = |name: String, tree: &UseTree| {
        let prefix = |(rest, glob)| ([vec![name.clone()], rest].concat(), glob);
        leaves(tree).into_iter().map(prefix).collect::<Vec<_>>()
    };
    // `self` at the end of a group is the module before it
    let leaf = |name: String| if name == "self" { vec![] } else { vec![name] };
    match tree {
        UseTree::Path(path) => under(path.ident.to_string(), &path.tree),
        UseTree::Name(name) => vec![(leaf(name.ident.to_string()), false)],
        UseTree::Rename(rename) => vec![(leaf(rename.ident.to_string()), false)],
        UseTree::Glob(_) => vec![(vec![], true)],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let line = item.span().start().line;
        let top = self.at.len() == self.file_depth;
        for (segments, glob) in leaves(&item.tree) {
            let named = self.name(line, &segments, glob);
            if let (Some(named), true) = (named, top && !is_private(&item.vis)) {
                self.found.handed_on.push(named);
            } else if glob && top && !is_private(&item.vis) {
                let path = [self.at.clone(), segments].concat();
                self.found.handed_on.push(Named { line, path, glob });
            }
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let segments: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if segments.len() > 1 || path.is_ident("crate") {
            self.name(path.span().start().line, &segments, false);
        }
        syn::visit::visit_path(self, path);
    }

    // how far something may be seen is no import
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let top = self.at.len() == self.file_depth;
        let line = item.span().start().line;
        let (name, private) = (item.ident.to_string(), is_private(&item.vis));
        self.found.modules.push(Declared { line, name: name.clone(), private, top });
        if item.attrs.iter().any(leaves_the_folder) {
            self.found.hidden.push((line, "#[path] leads out of the folder"));
        }
        let items = item.content.as_ref().map_or(&[][..], |(_, items)| items.as_slice());
        self.at.push(name);
        self.children.push(children(items));
        syn::visit::visit_item_mod(self, item);
        self.children.pop();
        self.at.pop();
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.found.hidden.push((item.span().start().line, "extern crate gives rooms other names"));
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let line = call.span().start().line;
        let name = call.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
        match name.as_str() {
            "include" => self.found.hidden.push((line, "include! brings in another file")),
            "table" => self.found.tables.extend(table_schema(call.tokens.clone())),
            _ => {}
        }
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast LitStr) {
        self.string(literal);
    }
}

fn is_private(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Inherited)
}

fn leaves_the_folder(attribute: &Attribute) -> bool {
    let syn::Meta::NameValue(pair) = &attribute.meta else { return false };
    let syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(value), .. }) = &pair.value else {
        return false;
    };
    pair.path.is_ident("path") && (value.value().contains("..") || value.value().starts_with('/'))
}

/// The schema in `table! { schema.name (key) { … } }`.
fn table_schema(tokens: TokenStream) -> Option<(usize, String)> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.windows(2).find_map(|pair| match pair {
        [TokenTree::Ident(schema), TokenTree::Punct(dot)] if dot.as_char() == '.' => {
            Some((schema.span().start().line, schema.to_string()))
        }
        _ => None,
    })
}
