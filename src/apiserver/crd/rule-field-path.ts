/**
 * The field path of a rule (`.spec.ports['a.b']`), read along the schema it stands in.
 */
import { propertyOf, additionalOf, type Structural } from '#machinery/schema/structural';

/** @returns the path as errors print it; undefined where it leads nowhere. */
export function ruleFieldPath(text: string, schema: Structural): string | undefined {
  let rest = text;
  let node: Structural | undefined = schema;
  let path = '';
  while (rest !== '') {
    const match = /^(?:\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\])/s.exec(rest);
    if (match === null || node === undefined) return undefined;
    const name = match[1] ?? match[2]!.replace(/\\(.)/gs, '$1');
    if (node.properties === undefined) {
      node = additionalOf(node);
      path += `[${name}]`;
    } else {
      node = propertyOf(node, name);
      path += path === '' ? name : `.${name}`;
    }
    if (node === undefined) return undefined;
    rest = rest.slice(match[0].length);
  }
  return path === '' ? undefined : path;
}
