// The types that the SDK declares, as TypeScript's own compiler understands them.

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

/** The program and its compiler, all types by name, and those of wire objects by the value of their `object` key. */
export function load() {
  const host = ts.createCompilerHost(OPTIONS);
  // The comments are most of these files.
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
  return { program, checker, kinds, named };
}

/** What objects of this type say that they are; `deleted customer` for what is left of a deleted one. */
export function kindOf(checker, type) {
  const object = type.getProperty('object');
  const literal = object && checker.getTypeOfSymbol(object);
  if (!literal?.isStringLiteral()) return undefined;
  // A living object has `deleted?: void`.
  const deleted = type.getProperty('deleted');
  const isDeleted = deleted !== undefined && !(deleted.flags & ts.SymbolFlags.Optional);
  return isDeleted ? `deleted ${literal.value}` : literal.value;
}

/** The same for a value. */
export function kindOfValue(value) {
  return value.deleted === true ? `deleted ${value.object}` : value.object;
}
