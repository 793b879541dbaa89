// Checks expansion: fields that the types declare as ID or object become the object. No other field can be expanded.

import ts from 'typescript';
import { kindOf } from './declared.js';

/** Stripe's maximum number of segments in a path. */
const MAX_DEPTH = 4;

/** Number of plain fields of each object type that are tried too. */
const PLAIN = 4;

/** Returns the paths of IDs and objects in a type, and those of plain values. */
export function fieldsOf(checker, type) {
  const [expandable, plain] = [new Set(), new Set()];
  const walk = (inside, path) => {
    for (const property of checker.getPropertiesOfType(inside)) {
      const here = [...path, property.name];
      const types = members(checker, checker.getTypeOfSymbol(property));
      const elements = types.flatMap((one) =>
        checker.isArrayType(one) ? members(checker, checker.getTypeArguments(one)[0]) : [one],
      );
      const isText = elements.some((one) => one.flags & ts.TypeFlags.String);
      const objects = elements.filter((one) => one.flags & ts.TypeFlags.Object && !checker.isArrayType(one));
      const isObject = objects.some((one) => kindOf(checker, one) !== undefined);
      if (isText && isObject) expandable.add(here.join('.'));
      else if (isText && objects.length === 0 && path.length === 0 && property.name !== 'id') plain.add(property.name);
      else if (here.length < MAX_DEPTH) {
        objects.filter((one) => kindOf(checker, one) === undefined).forEach((one) => walk(one, here));
      }
    }
  };
  walk(type, []);
  return { expandable: [...expandable], plain: [...plain] };
}

function members(checker, type) {
  const present = checker.getNonNullableType(type);
  return present.isUnion() ? present.types : [present];
}

/** Returns all values at a path; arrays can contain several. */
function valuesAt(value, path) {
  if (Array.isArray(value)) return value.flatMap((one) => valuesAt(one, path));
  if (path.length === 0) return [value];
  return value && typeof value === 'object' ? valuesAt(value[path[0]], path.slice(1)) : [];
}

/** Repeats the request with all fields expanded. `send` takes the paths to expand. */
export async function checkExpansion({ checker, type, object, list, send, complain }) {
  const { expandable, plain } = fieldsOf(checker, type);
  const under = (field) => (list ? `data.${field}` : field);
  const fitting = expandable.filter((field) => under(field).split('.').length <= MAX_DEPTH);
  const whole = await send(fitting.map(under));
  if (whole.status === 200) {
    const objects = list ? whole.body.data : [whole.body];
    for (const field of fitting) {
      const left = objects.flatMap((one) => valuesAt(one, field.split('.'))).find((one) => typeof one === 'string');
      if (left) complain(`${object}.${field} stays an id when it is expanded: ${left.split('_')[0]}`);
    }
  } else {
    for (const field of fitting) {
      const one = await send([under(field)]);
      if (one.status !== 200) complain(`${object}.${field} cannot be expanded: ${one.body.error.message}`);
    }
  }
  for (const field of plain.slice(0, PLAIN)) {
    const refused = await send([under(field)]);
    if (refused.status !== 400) complain(`${object}.${field} can be expanded and is declared as plain text`);
  }
}
