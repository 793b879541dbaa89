//! Modules of a crate as its source declares them, and the paths that each of them names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemMod, ItemUse, Macro, Meta, UseTree, VisRestricted};

/// Source files by their path below `src`.
pub type Files = BTreeMap<PathBuf, String>;

/// Segments of a path. The first one is empty if the path starts with `::`.
pub type Segments = Vec<String>;

/// Index of the module in the root file.
pub const ROOT: usize = 0;

/// A module: a file or an inline part of one.
#[derive(Debug, Default)]
pub struct Module {
    pub file: PathBuf,
    /// Names from the crate root down to this module.
    pub names: Vec<String>,
    pub parent: usize,
    pub children: BTreeMap<String, usize>,
    /// Names of the items that it defines.
    pub items: BTreeSet<String>,
    /// Imports by the name that they bring into scope. Namespaces differ, so a name can have several.
    pub imports: BTreeMap<String, Vec<Segments>>,
    pub globs: Vec<Segments>,
    /// All other paths of more than one segment: in signatures, bodies, attributes and macros.
    pub paths: BTreeSet<Segments>,
}

/// Reads every Rust file below a folder.
pub fn files(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries =
            fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display()));
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(folder).expect("it is below the folder").to_owned();
                files.insert(name, fs::read_to_string(&path).expect("UTF-8"));
            }
        }
    }
    files
}

/// Reads the modules of a crate, starting at its root file. Items under `#[cfg(test)]` are left out.
pub fn modules(files: &Files, root: &str) -> Vec<Module> {
    let file = PathBuf::from(root);
    let module = Module { file: file.clone(), ..Module::default() };
    let mut reader = Reader { files, modules: vec![module], at: ROOT, folder: PathBuf::new() };
    reader.read(&file);
    reader.modules
}

struct Reader<'a> {
    files: &'a Files,
    modules: Vec<Module>,
    /// The module that is being read.
    at: usize,
    /// The folder in which its child modules have their files.
    folder: PathBuf,
}

impl Reader<'_> {
    fn read(&mut self, file: &Path) {
        let text = self.files.get(file).unwrap_or_else(|| panic!("{} is missing", file.display()));
        let parsed =
            syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.visit_file(&parsed);
    }

    fn module(&mut self) -> &mut Module {
        &mut self.modules[self.at]
    }

    /// The file of a child module: where `#[path]` says, else `name.rs` or `name/mod.rs`.
    fn file_of(&self, item: &ItemMod) -> PathBuf {
        if let Some(path) = item.attrs.iter().find_map(path_attribute) {
            let own = self.modules[self.at].file.parent().expect("a file has a folder");
            return own.join(path);
        }
        let name = item.ident.to_string();
        let flat = self.folder.join(format!("{name}.rs"));
        if self.files.contains_key(&flat) { flat } else { self.folder.join(name).join("mod.rs") }
    }

    fn add_use(&mut self, tree: &UseTree, mut prefix: Segments) {
        let mut import = |name: String, path: Segments| {
            self.module().imports.entry(name).or_default().push(path);
        };
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_use(&path.tree, prefix);
            }
            UseTree::Name(name) if name.ident == "self" => {
                import(prefix.last().cloned().unwrap_or_default(), prefix);
            }
            UseTree::Name(name) => {
                prefix.push(name.ident.to_string());
                import(name.ident.to_string(), prefix);
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    prefix.push(rename.ident.to_string());
                }
                import(rename.rename.to_string(), prefix);
            }
            UseTree::Glob(_) => self.module().globs.push(prefix),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(tree, prefix.clone());
                }
            }
        }
    }

    /// Adds the paths in tokens that the parser does not look into. A string counts where it reads as a path
    /// from the crate root, as in `#[serde(with = "crate::values::time")]`.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons) = (Segments::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 || path.is_empty() => {
                    if colons == 2 && path.is_empty() {
                        path.push(String::new());
                    }
                    path.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && colons < 2 => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    self.add_path(std::mem::replace(&mut path, vec![ident.to_string()]));
                    colons = 0;
                    continue;
                }
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let text = text.trim_matches('"');
                    if text.starts_with("crate::") {
                        self.add_path(text.split("::").map(str::to_owned).collect());
                    }
                }
                TokenTree::Punct(_) => {}
            }
            self.add_path(std::mem::take(&mut path));
            colons = 0;
        }
        self.add_path(path);
    }

    fn add_path(&mut self, path: Segments) {
        if path.len() > 1 {
            self.module().paths.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = parts(item);
        if !attributes.iter().any(is_for_tests) {
            self.module().items.extend(name);
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !item.attrs.iter().any(is_for_tests) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let name = item.ident.to_string();
        let inline = item.content.is_some();
        let file = if inline { self.modules[self.at].file.clone() } else { self.file_of(item) };
        let names = self.modules[self.at].names.iter().chain([&name]).cloned().collect();
        let child = self.modules.len();
        self.modules.push(Module {
            file: file.clone(),
            names,
            parent: self.at,
            ..Module::default()
        });
        self.module().children.insert(name.clone(), child);
        let parent = std::mem::replace(&mut self.at, child);
        // `a.rs` and `a/mod.rs` both have their children in `a/`.
        let folder = match file.file_stem() {
            Some(stem) if !inline && stem == "mod" => file.parent().expect("a folder").to_owned(),
            _ if !inline => file.with_extension(""),
            _ => self.folder.join(name),
        };
        let folder = std::mem::replace(&mut self.folder, folder);
        match &item.content {
            Some((_, items)) => items.iter().for_each(|item| self.visit_item(item)),
            None => self.read(&file),
        }
        (self.at, self.folder) = (parent, folder);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let prefix = item.leading_colon.as_ref().map(|_| String::new()).into_iter().collect();
        self.add_use(&item.tree, prefix);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let external = path.leading_colon.as_ref().map(|_| String::new());
        let segments = path.segments.iter().map(|segment| segment.ident.to_string());
        self.add_path(external.into_iter().chain(segments).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.add_tokens(called.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
        }
    }

    /// `pub(in crate::billing)` limits who sees an item; it imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
}

/// The attributes of an item, and the name that it defines other than a module's.
fn parts(item: &Item) -> (&[Attribute], Option<String>) {
    let (attributes, name) = match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Impl(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        Item::Mod(item) => (&item.attrs, None),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Use(item) => (&item.attrs, None),
        _ => return (&[], None),
    };
    (attributes, name.map(ToString::to_string))
}

/// Whether an attribute is `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn is_for_tests(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string().replace(' ', "");
    attribute.path().is_ident("cfg") && (condition == "test" || condition.starts_with("all(test,"))
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else {
        return None;
    };
    pair.path.is_ident("path").then(|| text.value())
}
