/**
 * What can be asked of a resource → documented operations, free of any document version.
 *
 *     list, create, deletecollection on the collection; read, replace, patch, delete on the object; the old watch paths;
 *     subresources; connects with and without a path behind them
 */
import type { ResourceInfo, SubresourceInfo } from '#api/registry';
import { groupTitle, title } from './definition-names.ts';
import {
  DELETE_COLLECTION_PARAMETERS, DELETE_PARAMETERS, LIST_PARAMETERS, NAMESPACE, OPTION_PARAMETERS, PATCH_PARAMETERS, PRETTY, PROXY_PATH,
  WRITE_PARAMETERS, nameParameter,
} from './parameters.ts';
import type { Parameter } from './parameters.ts';
import type { GroupVersionKind } from './definitions.ts';

type Produces = 'object' | 'stream' | 'log' | 'any';

export interface Operation {
  readonly path: string;
  readonly method: string;
  readonly id: string;
  readonly action: string;
  readonly description: string;
  readonly kind: GroupVersionKind;
  readonly parameters: readonly Parameter[];
  /** Definition of the body: name, and whether it must be there. */
  readonly body: { readonly definition: string; readonly required: boolean } | undefined;
  readonly isPatch: boolean;
  /** Definition of the answer; undefined: plain text. */
  readonly answer: string | undefined;
  readonly codes: readonly number[];
  readonly produces: Produces;
}

/** Resources whose DELETE answers with the object. */
const RETURN_DELETED: ReadonlySet<string> = new Set([
  '/persistentvolumeclaims', '/pods', '/podtemplates', '/resourcequotas', '/serviceaccounts', '/services', '/persistentvolumes',
  ...['deviceclasses', 'resourceclaims', 'resourceclaimtemplates', 'resourceslices', 'devicetaintrules', 'resourcepoolstatusrequests'].map((name) => `resource.k8s.io/${name}`),
  ...['csidrivers', 'csinodes', 'storageclasses', 'volumeattachments', 'volumeattributesclasses'].map((name) => `storage.k8s.io/${name}`),
]);
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const CONNECT_METHODS: Readonly<Record<string, readonly string[]>> = { create: ['post'], get: ['get'] };
const PROXY_METHODS = ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'];

/** How a resource's types are called. */
export interface Definitions {
  readonly object: string;
  readonly list: string;
  /** Of a subresource's kind. */
  of(subresource: SubresourceInfo): string;
}

export function operationsOf(info: ResourceInfo, definitions: Definitions): Operation[] {
  return new ResourceOperations(info, definitions).all();
}

class ResourceOperations {
  readonly #info: ResourceInfo;
  readonly #definitions: Definitions;
  readonly #prefix: string;
  /** `CoreV1`. */
  readonly #group: string;
  readonly #scope: string;
  readonly #kind: GroupVersionKind;
  readonly #out: Operation[] = [];

  constructor(info: ResourceInfo, definitions: Definitions) {
    this.#info = info;
    this.#definitions = definitions;
    this.#prefix = info.group === '' ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`;
    this.#group = groupTitle(info.group) + title(info.version);
    this.#scope = info.namespaced ? 'Namespaced' : '';
    this.#kind = { group: info.group, version: info.version, kind: info.kind };
  }

  all(): Operation[] {
    this.#collection();
    this.#object();
    this.#watches();
    for (const subresource of this.#info.subresources) this.#subresource(subresource);
    return this.#out;
  }

  #collectionPath(watch = ''): string {
    return `${this.#prefix}${watch}${this.#info.namespaced ? '/namespaces/{namespace}' : ''}/${this.#info.resource}`;
  }

  #pathParameters(named: string | undefined): Parameter[] {
    return [...(this.#info.namespaced ? [NAMESPACE] : []), ...(named === undefined ? [] : [nameParameter(named)])];
  }

  #has(verb: string): boolean {
    return this.#info.verbs.includes(verb);
  }

  #add(operation: Partial<Operation> & Pick<Operation, 'path' | 'method' | 'id' | 'action' | 'description' | 'parameters' | 'codes'>): void {
    this.#out.push({ kind: this.#kind, body: undefined, isPatch: false, answer: undefined, produces: 'object', ...operation });
  }

  #collection(): void {
    const { kind, namespaced, resource } = this.#info;
    const { object, list } = this.#definitions;
    const path = this.#collectionPath();
    const parameters = [...this.#pathParameters(undefined), PRETTY];
    if (this.#has('list')) {
      const common = { method: 'get', action: 'list', description: `list or watch objects of kind ${kind}`, answer: list, codes: [200], produces: 'stream' as const };
      this.#add({ ...common, path, id: `list${this.#group}${this.#scope}${kind}`, parameters: [...parameters, ...LIST_PARAMETERS] });
      if (namespaced) this.#add({ ...common, path: `${this.#prefix}/${resource}`, id: `list${this.#group}${kind}ForAllNamespaces`, parameters: [PRETTY, ...LIST_PARAMETERS] });
    }
    if (this.#has('create')) {
      const body = { definition: object, required: true };
      this.#add({ path, method: 'post', action: 'post', id: `create${this.#group}${this.#scope}${kind}`, description: `create ${article(kind)}`,
        parameters: [...parameters, ...WRITE_PARAMETERS], body, answer: object, codes: [200, 201, 202] });
    }
    if (this.#has('deletecollection')) {
      this.#add({ path, method: 'delete', action: 'deletecollection', id: `delete${this.#group}Collection${this.#scope}${kind}`, description: `delete collection of ${kind}`,
        parameters: [...parameters, ...DELETE_COLLECTION_PARAMETERS], body: { definition: `${META}.DeleteOptions`, required: false }, answer: `${META}.Status`, codes: [200] });
    }
  }

  #object(): void {
    const { kind, group, resource } = this.#info;
    const { object } = this.#definitions;
    const path = `${this.#collectionPath()}/{name}`;
    const parameters = [...this.#pathParameters(kind), PRETTY];
    this.#readAndWrite(path, kind, '', this.#info.verbs, object, `the specified ${kind}`, this.#kind, parameters);
    if (this.#has('delete')) {
      const answer = RETURN_DELETED.has(`${group}/${resource}`) ? object : `${META}.Status`;
      this.#add({ path, method: 'delete', action: 'delete', id: `delete${this.#group}${this.#scope}${kind}`, description: `delete ${article(kind)}`,
        parameters: [...parameters, ...DELETE_PARAMETERS], body: { definition: `${META}.DeleteOptions`, required: false }, answer, codes: [200, 202] });
    }
  }

  /** get, update and patch, of an object or of a subresource. */
  #readAndWrite(path: string, kindName: string, suffix: string, verbs: readonly string[], definition: string, what: string, kind: GroupVersionKind, parameters: readonly Parameter[]): void {
    const id = `${this.#group}${this.#scope}${kindName}${suffix}`;
    const common = { path, kind, answer: definition };
    if (verbs.includes('get')) this.#add({ ...common, method: 'get', action: 'get', id: `read${id}`, description: `read ${what}`, parameters, codes: [200] });
    if (verbs.includes('update')) {
      this.#add({ ...common, method: 'put', action: 'put', id: `replace${id}`, description: `replace ${what}`, parameters: [...parameters, ...WRITE_PARAMETERS],
        body: { definition, required: true }, codes: [200, 201] });
    }
    if (verbs.includes('patch')) {
      this.#add({ ...common, method: 'patch', action: 'patch', id: `patch${id}`, description: `partially update ${what}`, parameters: [...parameters, ...PATCH_PARAMETERS],
        body: { definition: `${META}.Patch`, required: true }, isPatch: true, codes: [200, 201] });
    }
  }

  #watches(): void {
    if (!this.#has('watch')) return;
    const { kind, namespaced, resource } = this.#info;
    const common = { method: 'get', answer: `${META}.WatchEvent`, codes: [200], produces: 'stream' as const };
    const path = this.#collectionPath('/watch');
    const deprecated = "deprecated: use the 'watch' parameter with a list operation instead";
    const list = `watch individual changes to a list of ${kind}. ${deprecated}.`;
    this.#add({ ...common, path, action: 'watchlist', id: `watch${this.#group}${this.#scope}${kind}List`, description: list,
      parameters: [...this.#pathParameters(undefined), PRETTY, ...LIST_PARAMETERS] });
    if (this.#has('get')) {
      this.#add({ ...common, path: `${path}/{name}`, action: 'watch', id: `watch${this.#group}${this.#scope}${kind}`,
        description: `watch changes to an object of kind ${kind}. ${deprecated}, filtered to a single item with the 'fieldSelector' parameter.`,
        parameters: [...this.#pathParameters(kind), PRETTY, ...LIST_PARAMETERS] });
    }
    if (namespaced) {
      this.#add({ ...common, path: `${this.#prefix}/watch/${resource}`, action: 'watchlist', id: `watch${this.#group}${kind}ListForAllNamespaces`, description: list,
        parameters: [PRETTY, ...LIST_PARAMETERS] });
    }
  }

  #subresource(sub: SubresourceInfo): void {
    const path = `${this.#collectionPath()}/{name}/${sub.name}`;
    const kind: GroupVersionKind = { group: sub.group ?? this.#info.group, version: sub.version ?? this.#info.version, kind: sub.kind };
    if (sub.name === 'log') { this.#log(path); return; }
    if (sub.kind.endsWith('Options')) { this.#connect(path, sub, kind); return; }
    const parameters = [...this.#pathParameters(sub.kind), PRETTY];
    const definition = this.#definitions.of(sub);
    const what = `${sub.name} of the specified ${this.#info.kind}`;
    this.#readAndWrite(path, this.#info.kind, title(sub.name), sub.verbs, definition, what, kind, parameters);
    if (sub.verbs.includes('create')) {
      this.#add({ path, kind, method: 'post', action: 'post', id: `create${this.#group}${this.#scope}${this.#info.kind}${title(sub.name)}`,
        description: `create ${sub.name} of ${article(this.#info.kind)}`, parameters: [...parameters, ...WRITE_PARAMETERS],
        body: { definition, required: true }, answer: definition, codes: [200, 201, 202] });
    }
  }

  #log(path: string): void {
    const { kind } = this.#info;
    this.#add({ path, method: 'get', action: 'get', id: `read${this.#group}${this.#scope}${kind}Log`, description: `read log of the specified ${kind}`,
      parameters: [...this.#pathParameters(kind), PRETTY, ...OPTION_PARAMETERS['PodLogOptions']!], codes: [200], produces: 'log' });
  }

  #connect(path: string, sub: SubresourceInfo, kind: GroupVersionKind): void {
    const isProxy = sub.name === 'proxy';
    const methods = isProxy ? PROXY_METHODS : sub.verbs.flatMap((verb) => CONNECT_METHODS[verb] ?? []);
    const parameters = [...this.#pathParameters(sub.kind), ...(OPTION_PARAMETERS[sub.kind] ?? [])];
    for (const method of methods) {
      const id = `connect${this.#group}${title(method)}${this.#scope}${this.#info.kind}${title(sub.name)}`;
      const description = `connect ${method.toUpperCase()} requests to ${sub.name} of ${this.#info.kind}`;
      const common = { kind, method, action: 'connect', description, codes: [200], produces: 'any' as const };
      this.#add({ ...common, path, id, parameters });
      if (isProxy) this.#add({ ...common, path: `${path}/{path}`, id: `${id}WithPath`, parameters: [...parameters, PROXY_PATH] });
    }
  }
}

function article(kind: string): string {
  return /^[AEIOU]/.test(kind) ? `an ${kind}` : `a ${kind}`;
}
