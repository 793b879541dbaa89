// Checks a JSON value against a declared type.
//
// Stricter than the compiler: enums are declared open (`'month' | 'year' | OtherString`), but the sandbox must send
// one of the declared values, and a key that the type does not have is an error.

import ts from 'typescript';
import { kindOf, kindOfValue } from './declared.js';

const DECIMAL = /^-?\d+(\.\d+)?$/;

export class Fit {
  constructor(checker) {
    this.checker = checker;
  }

  /** Returns the problems of a value, each with its path. */
  problems(value, type, path) {
    const types = type.isUnion() ? type.types : [type];
    const any = (flags) => types.some((one) => one.flags & flags);
    if (any(ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.TypeParameter)) return [];
    const fits = {
      null: () => any(ts.TypeFlags.Null),
      string: () => this.isText(value, types),
      number: () => any(ts.TypeFlags.Number) || types.some((one) => one.value === value),
      boolean: () => any(ts.TypeFlags.Boolean) || types.some((one) => one.intrinsicName === String(value)),
    }[value === null ? 'null' : typeof value];
    if (!fits) return this.composite(value, type, types, path);
    return fits() ? [] : [this.wrong(value, type, path)];
  }

  /** Accepts one of the declared values, or any text if the type is a plain string. */
  isText(value, types) {
    // Strings in JSON, which the SDK turns into objects.
    if (types.some((one) => one.aliasSymbol?.name === 'Decimal')) return DECIMAL.test(value);
    const literals = types.filter((one) => one.isStringLiteral());
    if (literals.length > 0) return literals.some((one) => one.value === value);
    return types.some((one) => one.flags & ts.TypeFlags.String);
  }

  composite(value, type, types, path) {
    const isArray = Array.isArray(value);
    const candidates = types.filter(
      (one) =>
        one.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection) &&
        this.checker.isArrayType(one) === isArray,
    );
    if (candidates.length === 0) return [this.wrong(value, type, path)];
    const found = candidates.map((one) =>
      isArray ? this.elements(value, one, path) : this.object(value, one, path),
    );
    return found.reduce((best, next) => (next.length < best.length ? next : best));
  }

  elements(value, type, path) {
    const [element] = this.checker.getTypeArguments(type);
    return value.flatMap((one) => this.problems(one, element, `${path}[]`));
  }

  /** Checks a nested object. Resources are checked separately. */
  object(value, type, path) {
    const kind = kindOf(this.checker, type);
    if (kind === undefined || kind === 'list') return this.fields(value, type, path);
    return kindOfValue(value) === kind ? [] : [this.wrong(value, type, path)];
  }

  /** Checks the keys of an object: all required ones, and no undeclared one. */
  fields(value, type, path) {
    const { checker } = this;
    const others = checker.getIndexInfosOfType(type)[0]?.type;
    const declared = new Map(checker.getPropertiesOfType(type).map((one) => [one.name, one]));
    const missing = [...declared.values()]
      .filter((one) => !(one.name in value) && !(one.flags & ts.SymbolFlags.Optional))
      .map((one) => `${path}.${one.name} is missing`);
    const present = Object.entries(value).flatMap(([name, inner]) => {
      const symbol = declared.get(name);
      if (symbol) return this.problems(inner, checker.getTypeOfSymbol(symbol), `${path}.${name}`);
      if (others) return this.problems(inner, others, `${path}.*`);
      return [`${path}.${name} is not declared`];
    });
    return [...missing, ...present];
  }

  wrong(value, type, path) {
    const declared = this.checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation);
    return `${path} is ${JSON.stringify(value).slice(0, 80)}, declared is ${declared.slice(0, 300)}`;
  }
}
