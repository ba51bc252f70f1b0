/**
 * Which flow schema a request falls under, and so which priority level: the first that matches, by precedence, then name.
 *
 * Schemas that name a level that is not there count for nothing. The table is made anew after a change, on the next request.
 */
import type { FlowSchema, PolicyRulesWithSubjects, PriorityLevelConfiguration } from '#api/generated/flowcontrol/v1';
import type { Informer } from '#client/informer-contract';
import type { RequestInfo, UserInfo } from '../request.ts';
import type { FlowClassifier } from './chain.ts';

interface Flow { readonly rules: readonly PolicyRulesWithSubjects[]; readonly found: NonNullable<ReturnType<FlowClassifier>> }

export function flowClassifier(schemas: Informer<FlowSchema>, levels: Informer<PriorityLevelConfiguration>): FlowClassifier {
  let flows: readonly Flow[] | undefined;
  const forget = (): void => { flows = undefined; };
  for (const informer of [schemas, levels]) informer.addHandlers({ onAdd: forget, onUpdate: forget, onDelete: forget });
  return (info, user) => {
    flows ??= flowsInOrder(schemas.list(), levels.list());
    return flows.find(({ rules }) => rules.some((rule) => rule.subjects.some((subject) => isSubject(subject, user)) && isAsked(rule, info)))?.found;
  };
}

/** The one that catches what is left comes last, whatever it says. */
const LAST = 'catch-all';

function flowsInOrder(schemas: readonly FlowSchema[], levels: readonly PriorityLevelConfiguration[]): readonly Flow[] {
  const levelUids = new Map(levels.map(({ metadata }) => [metadata.name!, metadata.uid!]));
  const place = ({ metadata, spec }: FlowSchema): number => (metadata.name === LAST ? Infinity : spec?.matchingPrecedence ?? 0);
  const before = (a: FlowSchema, b: FlowSchema): number => (place(a) === place(b) ? (a.metadata.name! < b.metadata.name! ? -1 : 1) : place(a) < place(b) ? -1 : 1);
  return schemas.toSorted(before).flatMap(({ metadata, spec }) => {
    const priorityLevel = spec?.priorityLevelConfiguration.name ?? '';
    const priorityLevelUid = levelUids.get(priorityLevel);
    return priorityLevelUid === undefined ? [] : [{ rules: spec?.rules ?? [], found: { flowSchemaUid: metadata.uid!, priorityLevelUid, flowSchema: metadata.name!, priorityLevel } }];
  });
}

function isSubject({ kind, user, group, serviceAccount }: PolicyRulesWithSubjects['subjects'][number], asking: UserInfo): boolean {
  switch (kind) {
    case 'User': return user?.name === '*' || user?.name === asking.name;
    case 'Group': return group?.name === '*' || asking.groups.includes(group?.name ?? '');
    case 'ServiceAccount': return serviceAccount !== undefined && isAccount(serviceAccount, asking.name);
    default: return false;
  }
}

function isAccount({ namespace, name }: { namespace: string; name: string }, userName: string): boolean {
  const prefix = `system:serviceaccount:${namespace}:`;
  if (!userName.startsWith(prefix)) return false;
  const account = userName.slice(prefix.length);
  return name === '*' ? account !== '' && !account.includes(':') : account === name;
}

function isAsked({ resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects, info: RequestInfo): boolean {
  if (!info.isResourceRequest) return nonResourceRules.some(({ verbs, nonResourceURLs }) => holds(verbs, info.verb) && nonResourceURLs.some((url) => isPath(url, info.path)));
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return resourceRules.some((rule) => holds(rule.verbs, info.verb) && holds(rule.apiGroups, info.group) && holds(rule.resources, resource)
    && (info.namespace === '' ? rule.clusterScope === true : holds(rule.namespaces ?? [], info.namespace)));
}

function holds(list: readonly string[], value: string): boolean { return list.includes('*') || list.includes(value); }

function isPath(url: string, path: string): boolean {
  return url === '*' || url === path || (url.endsWith('/*') && path.startsWith(url.slice(0, -1)));
}
