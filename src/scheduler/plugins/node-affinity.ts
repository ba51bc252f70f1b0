/** Node selector and node affinity: required terms filter, preferred terms score by their weight. */
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SKIP, SUCCESS, unresolvable } from '../framework/status.ts';
import { podMatchesNode, termMatches } from '#semantics/node-affinity';
import { normalizeScores } from '../framework/normalize.ts';
import type { Pod } from '#api/generated/core/v1';

const REASON = "node(s) didn't match Pod's node affinity/selector";

export const nodeAffinity: SchedulerPlugin = {
  name: 'NodeAffinity',
  events: ['node/add', 'node/label', 'unscheduled-pod/update'],
  preFilter(_state, { pod }) {
    const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (required == null && Object.keys(pod.spec?.nodeSelector ?? {}).length === 0) return { verdict: SKIP };
    const nodeNames = namedNodes(pod);
    if (nodeNames === undefined) return { verdict: SUCCESS };
    return nodeNames.size === 0 ? { verdict: unresolvable('pod affinity terms conflict') } : { verdict: SUCCESS, nodeNames };
  },
  filter: (_state, { pod }, { node }) => (podMatchesNode(pod, node!) ? SUCCESS : unresolvable(REASON)),
  preScore: (_state, { pod }) => ((pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).length === 0 ? SKIP : SUCCESS),
  score(_state, { pod }, { node }) {
    let sum = 0;
    for (const { weight, preference } of pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (weight !== 0 && termMatches(preference, node!)) sum += weight;
    }
    return sum;
  },
  normalize: (_state, _pod, scores) => normalizeScores(scores, false),
};

/** The nodes that every term names by matchFields metadata.name; undefined when some term names none. */
function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    let ofTerm: Set<string> | undefined;
    for (const field of term.matchFields ?? []) {
      if (field.key !== 'metadata.name' || field.operator !== 'In') continue;
      const values = new Set(field.values ?? []);
      ofTerm = ofTerm === undefined ? values : new Set([...ofTerm].filter((name) => values.has(name)));
    }
    if (ofTerm === undefined) return undefined;
    for (const name of ofTerm) names.add(name);
  }
  return names;
}
