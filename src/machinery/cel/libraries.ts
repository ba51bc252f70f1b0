/**
 * The one list of libraries that every expression of Kubernetes 1.36 may use.
 */
import type { Library } from './declaration.ts';
import { AUTHORIZATION } from './library/authorizer.ts';
import { JSON_PATCHES } from './library/json-patches.ts';
import { LISTS } from './library/lists.ts';
import { NAMED_FORMATS } from './library/named-formats.ts';
import { ADDRESSES, URLS } from './library/network.ts';
import { OPTIONALS } from './library/optionals.ts';
import { QUANTITIES, VERSIONS } from './library/quantities.ts';
import { STANDARD } from './library/standard.ts';
import { STRINGS } from './library/strings.ts';
import { TIME } from './library/time.ts';

export const KUBERNETES_LIBRARIES: readonly Library[] = [STANDARD, TIME, STRINGS, LISTS, OPTIONALS, QUANTITIES, VERSIONS, ADDRESSES, URLS, NAMED_FORMATS, AUTHORIZATION, JSON_PATCHES];
