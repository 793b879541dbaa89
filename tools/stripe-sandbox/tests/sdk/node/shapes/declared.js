// Types that the SDK declares, read with TypeScript's compiler.

import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const esm = join(dirname(fileURLToPath(import.meta.url)), '../node_modules/stripe/esm');

export const RESOURCES = join(esm, 'resources');

const OPTIONS = {
  strict: true,
  skipLibCheck: true,
  types: [],
  lib: ['lib.es2020.d.ts'],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
};

/** Returns the program, its type checker, all types by name, and resources by the value of their `object` key. */
export function load() {
  const host = ts.createCompilerHost(OPTIONS);
  // Comments are most of these files.
  host.jsDocParsingMode = ts.JSDocParsingMode.ParseNone;
  const roots = readdirSync(RESOURCES, { recursive: true })
    .filter((file) => file.endsWith('.d.ts'))
    .map((file) => join(RESOURCES, file));
  roots.push(join(esm, 'lib.d.ts'), join(esm, 'Types.d.ts'));
  const program = ts.createProgram(roots, OPTIONS, host);
  const checker = program.getTypeChecker();
  const [kinds, named] = [new Map(), new Map()];
  for (const file of roots.map((root) => program.getSourceFile(root))) {
    for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(file))) {
      const type = checker.getDeclaredTypeOfSymbol(exported);
      named.set(exported.name, type);
      const kind = kindOf(checker, type);
      if (kind !== undefined) kinds.set(kind, [...(kinds.get(kind) ?? []), type]);
    }
  }
  return { program, checker, kinds, named, literal: (type, name) => literal(checker, type, name) };
}

/** Returns the value of a property whose type is one text. */
function literal(checker, type, name) {
  const property = type.getProperty(name);
  const declared = property && checker.getTypeOfSymbol(property);
  return declared?.isStringLiteral() ? declared.value : undefined;
}

/** Returns the `object` value of a type; `deleted customer` for a deleted object. */
export function kindOf(checker, type) {
  const object = type.getProperty('object');
  const literal = object && checker.getTypeOfSymbol(object);
  if (!literal?.isStringLiteral()) return undefined;
  // An object that is not deleted has `deleted?: void`.
  const deleted = type.getProperty('deleted');
  const isDeleted = deleted !== undefined && !(deleted.flags & ts.SymbolFlags.Optional);
  return isDeleted ? `deleted ${literal.value}` : literal.value;
}

/** Returns the `object` value of a JSON value, as `kindOf` does for a type. */
export function kindOfValue(value) {
  return value.deleted === true ? `deleted ${value.object}` : value.object;
}
