/**
 * Distinguished names: what Kubernetes reads out of a subject (common name → user, organizations → groups).
 *
 * Written as one attribute per relative name, organizations first, as Go's library orders them. A name that was
 * read is passed on by its own bytes, never re-encoded, so that issuer and subject match byte for byte.
 */
import { children, oid, readOid, readOne, readText, sequence, set, TAG, utf8 } from './der.ts';

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';

export interface SubjectName {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

export interface ParsedName extends Required<SubjectName> {
  /** Attributes other than the common name and organizations, by their object identifier. */
  readonly others: readonly { readonly oid: string; readonly value: string }[];
  readonly raw: Buffer;
}

export function encodeName(name: SubjectName): Buffer {
  const attribute = (type: string, value: string): Buffer => set(sequence(oid(type), utf8(value)));
  return sequence(
    ...(name.organizations ?? []).map((organization) => attribute(ORGANIZATION, organization)),
    ...(name.commonName === '' ? [] : [attribute(COMMON_NAME, name.commonName)]),
  );
}

/** @throws DerError */
export function parseName(raw: Buffer): ParsedName {
  let commonName = '';
  const organizations: string[] = [];
  const others: { oid: string; value: string }[] = [];
  for (const relative of children(readOne(raw))) {
    for (const attribute of children(relative, TAG.set)) {
      const [type, value] = children(attribute);
      if (type === undefined || value === undefined) continue;
      const id = readOid(type);
      if (id === COMMON_NAME) commonName = readText(value);
      else if (id === ORGANIZATION) organizations.push(readText(value));
      else others.push({ oid: id, value: readText(value) });
    }
  }
  return { commonName, organizations, others, raw };
}
