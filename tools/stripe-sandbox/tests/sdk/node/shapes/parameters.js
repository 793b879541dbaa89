// Checks that the sandbox knows every parameter of Stripe: it accepts it, refuses its value, or reports
// `sandbox_not_imitated`.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { RESOURCES } from './declared.js';

/** Depth of nested hashes. */
const LEVELS = 3;

/** The code of an SDK method has its path, its declaration has the parameters. */
const METHOD = /^ {4}(\w+)\([^)]*\) \{\s*return this\._makeRequest\('(\w+)', [`']([^`']+)[`']/gm;

/** Returns the parameter type of each endpoint, by method and path. */
export function parametersOf({ program, checker }) {
  const found = new Map();
  const files = readdirSync(RESOURCES, { recursive: true }).filter((file) => file.endsWith('.js'));
  for (const file of files.map((name) => join(RESOURCES, name))) {
    const source = program.getSourceFile(file.replace(/\.js$/, '.d.ts'));
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
    for (const code of readFileSync(file, 'utf8').split(/^export class /m).slice(1)) {
      const resource = exported.find(({ name }) => name === code.match(/^\w+/)[0]);
      for (const [, name, method, path] of code.matchAll(METHOD)) {
        const declared = checker.getDeclaredTypeOfSymbol(resource).getProperty(name);
        const signatures = declared ? checker.getTypeOfSymbol(declared).getCallSignatures() : [];
        const params = signatures.flatMap((one) => one.getParameters()).find((one) => one.name === 'params');
        if (params) found.set(`${method} ${path.replace(/\$\{[^}]*\}/g, '{}')}`, checker.getTypeOfSymbol(params));
      }
    }
  }
  return found;
}

function members(checker, type) {
  const present = checker.getNonNullableType(type);
  return present.isUnion() ? present.types : [present];
}

/** Returns the ways to send a parameter, and the type of its content. */
function forms(checker, name, type) {
  const isHash = (one) => one.flags & ts.TypeFlags.Object && checker.getIndexInfosOfType(one).length === 0;
  const all = members(checker, type);
  const arrays = all.filter((one) => checker.isArrayType(one));
  const hashes = all.filter((one) => isHash(one) && !arrays.includes(one) && one.aliasSymbol?.name !== 'Decimal');
  const inner = arrays.flatMap((one) => members(checker, checker.getTypeArguments(one)[0])).filter(isHash);
  const scalar = ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike | ts.TypeFlags.BooleanLike;
  if (all.some((one) => one.flags & scalar)) return { key: name, hashes, inner };
  if (hashes.length > 0) return { key: `${name}[nothing_of_the_kind]`, hashes, inner };
  return { key: inner.length > 0 ? `${name}[0][nothing_of_the_kind]` : `${name}[0]`, hashes, inner };
}

/** Repeats a request once for each declared parameter, with that parameter added. */
export async function checkParameters({ checker, type, form, send, complain, name = '', level = LEVELS }) {
  for (const property of checker.getPropertiesOfType(checker.getNonNullableType(type))) {
    const here = name ? `${name}[${property.name}]` : property.name;
    const { key, hashes, inner } = forms(checker, here, checker.getTypeOfSymbol(property));
    const without = [...form].filter(([other]) => other !== here && !other.startsWith(`${here}[`));
    const error = await send(new URLSearchParams([...without, [key, '1']]));
    if (error?.code === 'parameter_unknown' && error.param === here) complain(here);
    if (error?.param === here || level === 1) continue;
    const deeper = [...hashes.map((one) => [one, here]), ...inner.map((one) => [one, `${here}[0]`])];
    for (const [type, name] of deeper) {
      await checkParameters({ checker, type, form, send, complain, name, level: level - 1 });
    }
  }
}
