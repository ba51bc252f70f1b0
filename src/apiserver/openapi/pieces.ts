/**
 * Encodes what OpenAPI documents are made of, in one version and notation: the paths of each resource, and definitions.
 *
 * What a resource contributes is made when first asked for and kept as long as the resource is served, so that a document of
 * thousands of custom resources costs no more after a change than what has changed.
 */
import { allGroupVersions, resolveType } from '#api/registry';
import type { ResourceInfo, SubresourceInfo } from '#api/registry';
import { nextTurn } from '#base/turn';
import type { TypeSchema } from '#machinery/schema/model';
import { definitionName, typeName } from './definition-names.ts';
import { DefinitionWriter, referencesOf, specialDefinition } from './definitions.ts';
import type { GroupVersionKind, JsonObject, OpenApiVersion } from './definitions.ts';
import type { Descriptions } from './descriptions.ts';
import type { DocumentPieces, Notation, Piece, Section } from './notation.ts';
import { optionKinds } from './option-kinds.ts';
import { operationsOf } from './operations.ts';
import type { Definitions, Operation } from './operations.ts';
import { BUILTIN_MEDIA_TYPES, CUSTOM_MEDIA_TYPES, PathWriter } from './paths.ts';
import type { PublishedVersion } from './published.ts';
import { writeRootPath, type RootPath } from './root-paths.ts';

/** Pieces that are written before others get a turn. */
const SLICE_ITEMS = 4;
/** Definitions that many refer to; those of custom resources come and go. */
const SHARED_NAME = /^io\.k8s\.(?:api|apimachinery)\./;
/** Kinds of every group version. */
const OPTION_KINDS: ReadonlySet<string> = new Set(['DeleteOptions', 'WatchEvent']);

interface Referring { readonly references: readonly string[] }
type ReferringPiece = Piece & Referring;

/** What one resource brings into a document. */
interface ResourcePieces extends Referring {
  readonly paths: readonly Piece[];
  /** Its own kinds, where it is a custom resource. */
  readonly definitions: readonly Piece[];
  /** Names of shared parameters. */
  readonly parameters: readonly string[];
}

export class PieceMaker {
  readonly #version: OpenApiVersion;
  readonly #descriptions: Descriptions;
  readonly #notation: Notation;
  readonly #writer: DefinitionWriter;
  readonly #paths: Readonly<Record<'builtIn' | 'custom', PathWriter>>;
  readonly #resources = new WeakMap<ResourceInfo, ResourcePieces>();
  readonly #definitions = new Map<string, ReferringPiece>();
  /** Shared parameters that any resource has referred to. */
  readonly #parameters = new Map<string, ReferringPiece>();
  /** One text a name, however many refer to it. */
  readonly #texts = new Map<string, string>();
  #written = 0;

  constructor(version: OpenApiVersion, descriptions: Descriptions, notation: Notation) {
    this.#version = version;
    this.#descriptions = descriptions;
    this.#notation = notation;
    this.#writer = new DefinitionWriter(version, descriptions);
    this.#paths = { builtIn: new PathWriter(version, descriptions, BUILTIN_MEDIA_TYPES), custom: new PathWriter(version, descriptions, CUSTOM_MEDIA_TYPES) };
  }

  /** All that a document of these roots and group versions holds. */
  async document(roots: readonly RootPath[], published: readonly PublishedVersion[]): Promise<DocumentPieces> {
    const paths: Piece[] = [];
    const definitions: Piece[] = [];
    const parameterNames = new Set<string>();
    const references = new Set<string>();
    const own = new Set<string>();
    const refer = ({ references: found }: Referring): void => { for (const name of found) references.add(name); };
    for (const root of roots) {
      const piece = this.#path(root.path, writeRootPath(root, this.#version));
      refer(piece);
      paths.push(piece);
    }
    for (const version of published) {
      for (const info of version.resources) {
        let pieces = this.#resources.get(info);
        if (pieces === undefined) this.#resources.set(info, pieces = await this.#resource(info, version));
        paths.push(...pieces.paths);
        definitions.push(...pieces.definitions);
        for (const { name } of pieces.definitions) own.add(name);
        for (const name of pieces.parameters) parameterNames.add(name);
        refer(pieces);
      }
    }
    const parameters = [...parameterNames].map((name) => this.#parameters.get(name)!);
    for (const parameter of parameters) refer(parameter);
    // References grow while definitions are written; a set visits what is added to it.
    for (const name of references) {
      if (own.has(name)) continue;
      const piece = await this.#definition(name, published);
      refer(piece);
      definitions.push(piece);
    }
    return { paths, definitions, parameters };
  }

  async #resource(info: ResourceInfo, published: PublishedVersion): Promise<ResourcePieces> {
    const writer = published.custom === undefined ? this.#paths.builtIn : this.#paths.custom;
    const byPath = new Map<string, Operation[]>();
    for (const operation of operationsOf(info, namesOf(info, published))) {
      const operations = byPath.get(operation.path);
      if (operations === undefined) byPath.set(operation.path, [operation]); else operations.push(operation);
    }
    const references = new Set<string>();
    const made = async (piece: ReferringPiece): Promise<Piece> => {
      for (const name of piece.references) references.add(name);
      await this.#pause();
      return { name: piece.name, bytes: piece.bytes };
    };
    const paths: Piece[] = [];
    const parameters = new Set<string>();
    for (const [path, operations] of byPath) {
      const item = writer.item(operations, published);
      for (const [name, parameter] of writer.takeShared()) {
        const known = this.#parameters.get(name) ?? this.#piece('parameter', name, parameter);
        this.#parameters.set(known.name, known);
        parameters.add(known.name);
      }
      paths.push(await made(this.#path(path, item)));
    }
    const definitions: Piece[] = [];
    for (const [name, definition] of published.custom?.definitions(info, this.#version, this.#descriptions) ?? []) {
      definitions.push(await made(this.#piece('definition', name, definition)));
    }
    return { paths, definitions, references: [...references], parameters: [...parameters] };
  }

  async #definition(name: string, published: readonly PublishedVersion[]): Promise<ReferringPiece> {
    const known = this.#definitions.get(name);
    if (known !== undefined) return known;
    const type = resolveType(typeName(name));
    const special = specialDefinition(name, this.#version);
    const piece = this.#piece('definition', name, special ?? (type === undefined ? {} : this.#writer.write(type, this.#kindsOf(type, published))));
    // Of these each document of v3 names its own.
    if (this.#version === 2 || type === undefined || !isOptionKind(type)) this.#definitions.set(name, piece);
    await this.#pause();
    return piece;
  }

  #path(path: string, item: JsonObject): ReferringPiece { return this.#piece('path', path, item); }

  #piece(section: Section, name: string, value: JsonObject): ReferringPiece {
    // Parameters have no dot in their names; they are counted where they are used.
    const references = [...referencesOf(value)].filter((reference) => reference.includes('.')).map((reference) => this.#interned(reference));
    return { name, bytes: this.#notation.pair(section, name, value), references };
  }

  #interned(text: string): string {
    if (!SHARED_NAME.test(text)) return text;
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }

  /** Gives the event loop a turn at every few pieces. */
  async #pause(): Promise<void> {
    if (++this.#written % SLICE_ITEMS === 0) await nextTurn();
  }

  #kindsOf(type: TypeSchema, published: readonly PublishedVersion[]): readonly GroupVersionKind[] {
    const [groupVersion, kind] = type.name.split('.') as [string, string];
    if (groupVersion === 'meta/v1') {
      if (isOptionKind(type)) return optionKinds(kind, this.#version, published);
      return type.isKind ? [{ group: '', version: 'v1', kind }] : [];
    }
    return type.isKind ? [{ group: groupOf(type), version: groupVersion.slice(groupVersion.indexOf('/') + 1), kind }] : [];
  }
}

function isOptionKind(type: TypeSchema): boolean {
  const [groupVersion, kind] = type.name.split('.') as [string, string];
  return groupVersion === 'meta/v1' && OPTION_KINDS.has(kind);
}

function groupOf(type: TypeSchema): string {
  const dir = type.name.slice(0, type.name.indexOf('/'));
  return allGroupVersions().find((info) => info.dir === dir)?.group ?? dir;
}

function namesOf(info: ResourceInfo, { custom }: PublishedVersion): Definitions {
  if (custom !== undefined) {
    const { object, list } = custom.namesOf(info);
    return { object, list, of: (sub) => (sub.name === 'scale' ? definitionName('autoscaling/v1.Scale') : object) };
  }
  const own = info.type.slice(0, info.type.indexOf('.'));
  const typeOf = (sub: SubresourceInfo): string => (sub.group === undefined ? `${own}.${sub.kind}` : `${SUBRESOURCE_DIRS[sub.group]!}/${sub.version}.${sub.kind}`);
  return { object: definitionName(info.type), list: definitionName(`${info.type}List`), of: (sub) => definitionName(typeOf(sub)) };
}

/** Groups of kinds that other groups' subresources have → their schema folders. */
const SUBRESOURCE_DIRS: Readonly<Record<string, string>> = { autoscaling: 'autoscaling', policy: 'policy', 'authentication.k8s.io': 'authentication' };
