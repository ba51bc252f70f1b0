/**
 * Questions to the authorizer, built step by step: `authorizer.group('apps').resource('deployments').check('create').allowed()`.
 *
 * The decision itself is asked of whoever made the first value.
 */
import { overload, type Library } from '../declaration.ts';
import { struct } from '../type.ts';
import { Opaque } from '../value.ts';

export interface AuthorizerQuestion {
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly path?: string; readonly group?: string; readonly resource?: string; readonly subresource?: string; readonly namespace?: string; readonly name?: string;
  readonly fieldSelector?: string; readonly labelSelector?: string; readonly verb?: string;
}

export interface AuthorizerAnswer { readonly allowed: boolean; readonly reason: string; readonly error: string | undefined }

interface Question { readonly text: string; readonly asked: AuthorizerQuestion; readonly decide: (question: AuthorizerQuestion) => AuthorizerAnswer }
interface Decision extends AuthorizerAnswer { readonly text: string }

export const AUTHORIZER = struct('kubernetes.authorization.Authorizer');
const PATH_CHECK = struct('kubernetes.authorization.PathCheck');
const GROUP_CHECK = struct('kubernetes.authorization.GroupCheck');
export const RESOURCE_CHECK = struct('kubernetes.authorization.ResourceCheck');
const DECISION = struct('kubernetes.authorization.Decision');

/** The value of `authorizer`. */
export function authorizerValue(decide: Question['decide'], type = AUTHORIZER, asked: AuthorizerQuestion = {}): Opaque<Question> {
  return new Opaque(type, { text: JSON.stringify(asked), asked, decide });
}

const narrowing = (to: typeof AUTHORIZER, field: keyof AuthorizerQuestion) => ([question, text]: [Opaque<Question>, string]): Opaque =>
  authorizerValue(question.content.decide, to, { ...question.content.asked, [field]: text });

function check([question, verb]: [Opaque<Question>, string]): Opaque<Decision> {
  const answer = question.content.decide({ ...question.content.asked, verb });
  return new Opaque(DECISION, { ...answer, text: JSON.stringify(answer) });
}

const A = AUTHORIZER.name;
const R = RESOURCE_CHECK.name;

export const AUTHORIZATION: Library = [
  overload('authorizer_path', `(${A}).path(string): ${PATH_CHECK.name}`, narrowing(PATH_CHECK, 'path')),
  overload('authorizer_group', `(${A}).group(string): ${GROUP_CHECK.name}`, narrowing(GROUP_CHECK, 'group')),
  overload('authorizer_serviceaccount', `(${A}).serviceAccount(string, string): ${A}`, ([question, namespace, name]: [Opaque<Question>, string, string]) =>
    authorizerValue(question.content.decide, AUTHORIZER, { ...question.content.asked, serviceAccount: { namespace, name } })),
  overload('groupcheck_resource', `(${GROUP_CHECK.name}).resource(string): ${R}`, narrowing(RESOURCE_CHECK, 'resource')),
  overload('resourcecheck_subresource', `(${R}).subresource(string): ${R}`, narrowing(RESOURCE_CHECK, 'subresource')),
  overload('resourcecheck_namespace', `(${R}).namespace(string): ${R}`, narrowing(RESOURCE_CHECK, 'namespace')),
  overload('resourcecheck_name', `(${R}).name(string): ${R}`, narrowing(RESOURCE_CHECK, 'name')),
  overload('resourcecheck_fieldSelector', `(${R}).fieldSelector(string): ${R}`, narrowing(RESOURCE_CHECK, 'fieldSelector')),
  overload('resourcecheck_labelSelector', `(${R}).labelSelector(string): ${R}`, narrowing(RESOURCE_CHECK, 'labelSelector')),
  overload('pathcheck_check', `(${PATH_CHECK.name}).check(string): ${DECISION.name}`, check),
  overload('resourcecheck_check', `(${R}).check(string): ${DECISION.name}`, check),
  overload('decision_errored', `(${DECISION.name}).errored(): bool`, ([decision]: [Opaque<Decision>]) => decision.content.error !== undefined),
  overload('decision_error', `(${DECISION.name}).error(): string`, ([decision]: [Opaque<Decision>]) => decision.content.error ?? ''),
  overload('decision_allowed', `(${DECISION.name}).allowed(): bool`, ([decision]: [Opaque<Decision>]) => decision.content.allowed),
  overload('decision_reason', `(${DECISION.name}).reason(): string`, ([decision]: [Opaque<Decision>]) => decision.content.reason),
];
