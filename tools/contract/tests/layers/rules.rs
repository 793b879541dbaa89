//! Rules that the imports of a crate keep: no arrow up, no circle, no forbidden crate.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::source::{Module, ROOT, Segments};

/// The place to which a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Module(usize),
    /// An item of this module.
    Item(usize),
}

impl Place {
    fn module(self) -> usize {
        match self {
            Self::Module(module) | Self::Item(module) => module,
        }
    }
}

/// A path that one module names and that leads to another one.
#[derive(Debug)]
struct Import {
    from: usize,
    /// Where the item is defined, behind all re-exports.
    to: usize,
    /// The module by which the path names it, if that is another one.
    by: Option<usize>,
    /// Whether `to` is needed for more than its child modules.
    is_used: bool,
    path: Segments,
}

/// The modules of a crate with their imports.
#[derive(Debug)]
pub struct Crate {
    modules: Vec<Module>,
    imports: Vec<Import>,
}

impl Crate {
    pub fn new(modules: Vec<Module>) -> Self {
        let mut krate = Self { modules, imports: Vec::new() };
        for from in 0..krate.modules.len() {
            let module = &krate.modules[from];
            let named = module.imports.values().flatten().chain(&module.paths);
            let named = named.map(|path| (path, false));
            let all = named.chain(module.globs.iter().map(|path| (path, true)));
            let imports: Vec<_> =
                all.filter_map(|(path, is_glob)| krate.import(from, path, is_glob)).collect();
            krate.imports.extend(imports);
        }
        krate
    }

    fn import(&self, from: usize, path: &Segments, is_glob: bool) -> Option<Import> {
        let place = self.resolve(from, path, &mut BTreeSet::new())?;
        let is_used = is_glob || matches!(place, Place::Item(_));
        Some(Import {
            from,
            to: place.module(),
            by: self.written(from, path),
            is_used,
            path: path.clone(),
        })
    }

    /// Follows a path from the module that names it. Returns nothing for other crates and for local names.
    fn resolve(
        &self,
        from: usize,
        path: &[String],
        seen: &mut BTreeSet<(usize, String)>,
    ) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let mut place = match first.as_str() {
            "crate" => Place::Module(ROOT),
            "self" => Place::Module(from),
            "super" => Place::Module(self.modules[from].parent),
            name => self.find(from, name, seen)?,
        };
        for name in rest {
            let Place::Module(module) = place else { break };
            place = match name.as_str() {
                "super" => Place::Module(self.modules[module].parent),
                // Names that a macro defines are invisible here and count to the module that uses them.
                name => self.find(module, name, seen).unwrap_or(Place::Item(module)),
            };
        }
        Some(place)
    }

    /// Finds a name in a module: a child module, an item, or what an import brings into scope.
    fn find(
        &self,
        module: usize,
        name: &str,
        seen: &mut BTreeSet<(usize, String)>,
    ) -> Option<Place> {
        if !seen.insert((module, name.to_owned())) {
            return None;
        }
        let scope = &self.modules[module];
        if let Some(child) = scope.children.get(name) {
            return Some(Place::Module(*child));
        }
        if scope.items.contains(name) {
            return Some(Place::Item(module));
        }
        let imports = scope.imports.get(name).into_iter().flatten();
        let mut imported = imports.filter_map(|path| self.resolve(module, path, seen));
        if let Some(place) = imported.next() {
            return Some(place);
        }
        scope.globs.iter().find_map(|path| match self.resolve(module, path, seen)? {
            Place::Module(other) => self.find(other, name, seen),
            Place::Item(_) => None,
        })
    }

    /// The module by which a path names its item, before any re-export is followed.
    fn written(&self, from: usize, path: &[String]) -> Option<usize> {
        let mut at = match path.first()?.as_str() {
            "crate" => ROOT,
            "self" => from,
            "super" => self.modules[from].parent,
            name => *self.modules[from].children.get(name)?,
        };
        for name in &path[1..] {
            at = match self.modules[at].children.get(name) {
                Some(child) => *child,
                None if name == "super" => self.modules[at].parent,
                None => break,
            };
        }
        // The root re-exports what other crates use; the definition decides.
        (at != ROOT).then_some(at)
    }

    fn file(&self, module: usize) -> String {
        self.modules[module].file.display().to_string()
    }

    /// The top-level module that a module belongs to; nothing for the root.
    fn top(&self, module: usize) -> Option<&str> {
        self.modules[module].names.first().map(String::as_str)
    }

    /// Lists the imports that point upward. `layers` names the top-level modules, the lowest first; the root file
    /// is above them all.
    pub fn upward_imports(&self, layers: &[&str]) -> Vec<String> {
        let height = |module: usize| match self.top(module) {
            Some(name) => layers.iter().position(|layer| *layer == name),
            None => Some(layers.len()),
        };
        let mut faults = BTreeMap::new();
        for module in 0..self.modules.len() {
            if height(module).is_none() {
                faults.insert((module, module), format!("{} is in no layer", self.file(module)));
            }
        }
        for import in &self.imports {
            let places = [Some(import.to), import.by].into_iter().flatten();
            for to in places.filter(|to| height(*to) > height(import.from)) {
                let layer = |module| self.top(module).unwrap_or("the root");
                let (from, path) = (import.from, import.path.join("::"));
                faults.entry((from, to)).or_insert_with(|| {
                    format!(
                        "upward import: {} -> {} ({} -> {}) by `{path}`",
                        self.file(from),
                        self.file(to),
                        layer(from),
                        layer(to),
                    )
                });
            }
        }
        faults.into_values().collect()
    }

    /// Lists import circles between files and, if there are none, between top-level modules.
    pub fn circles(&self) -> Vec<String> {
        let used = || self.imports.iter().filter(|import| import.is_used);
        let files = used().map(|import| (self.file(import.from), self.file(import.to)));
        let found = circles(files);
        if !found.is_empty() {
            return found;
        }
        circles(used().filter_map(|import| {
            Some((format!("{}/", self.top(import.from)?), format!("{}/", self.top(import.to)?)))
        }))
    }

    /// Lists the files of a top-level module that name a forbidden crate.
    pub fn mentions(&self, top: &str, is_forbidden: impl Fn(&str) -> bool) -> Vec<String> {
        let mut faults = BTreeSet::new();
        let inside = |module: &usize| self.top(*module) == Some(top);
        for module in (0..self.modules.len()).filter(inside) {
            let scope = &self.modules[module];
            for path in scope.imports.values().flatten().chain(&scope.globs).chain(&scope.paths) {
                let name = path.iter().find(|name| !name.is_empty()).map_or("", String::as_str);
                let is_local = self.find(module, name, &mut BTreeSet::new()).is_some();
                if is_forbidden(name) && !is_local {
                    faults.insert(format!("{} names the crate {name}", self.file(module)));
                }
            }
        }
        faults.into_iter().collect()
    }
}

/// The shortest circle of each group of nodes that are in circles with each other.
fn circles(arrows: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in arrows.filter(|(from, to)| from != to) {
        graph.entry(from).or_default().insert(to);
    }
    let arrows = graph.iter().flat_map(|(from, all)| all.iter().map(move |to| (from, to)));
    let circle = |(from, to): (&String, &String)| {
        shortest(&graph, to, from)
            .map(|back| [std::slice::from_ref(from), back.as_slice()].concat())
    };
    let mut all: Vec<_> = arrows.filter_map(circle).collect();
    all.sort_by_key(Vec::len);
    let mut seen = BTreeSet::new();
    all.retain(|circle| {
        let is_new = circle.iter().all(|node| !seen.contains(node));
        seen.extend(circle.iter().cloned());
        is_new
    });
    all.iter().map(|circle| format!("import circle: {}", circle.join(" -> "))).collect()
}

/// The shortest way from one node to another, both included.
fn shortest(
    graph: &BTreeMap<String, BTreeSet<String>>,
    from: &str,
    to: &str,
) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![from.to_owned()]]);
    let mut seen = BTreeSet::from([from.to_owned()]);
    while let Some(way) = ways.pop_front() {
        let last = way.last().expect("a way has a node");
        if last == to {
            return Some(way);
        }
        for next in graph.get(last).into_iter().flatten() {
            if seen.insert(next.clone()) {
                ways.push_back([way.as_slice(), std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}
