/** SelfSubjectRulesReview: what may I do in this namespace? */
import type { SelfSubjectRulesReview } from '#api/generated/authorization/v1';
import { newBadRequest } from '#machinery/status-error';
import { nodeIdentity } from '../../authn/groups.ts';
import { aggregate } from '../../authz/rbac-authorizer.ts';
import type { RbacIndex } from '../../authz/rbac-index.ts';
import type { DecisionResource } from '../decision.ts';

const GROUP = 'authorization.k8s.io';

export function selfSubjectRulesReview(rbac: RbacIndex): DecisionResource<SelfSubjectRulesReview> {
  return {
    group: GROUP, version: 'v1', resource: 'selfsubjectrulesreviews', subresource: '', namespaced: false,
    kind: 'SelfSubjectRulesReview', schema: 'authorization/v1.SelfSubjectRulesReview',
    async create(review, context) {
      const { user } = context;
      const namespace = review.spec?.namespace ?? '';
      if (namespace === '') throw newBadRequest('no namespace on request');
      await context.validate(review);
      const { rules, errors } = rbac.rulesFor(user, namespace);
      const isNode = nodeIdentity(user).isNode;
      const problems = [...(isNode ? ['node authorizer does not support user rule resolution'] : []), ...errors];
      const list = (values: readonly string[] | undefined): string[] | undefined => (values === undefined || values.length === 0 ? undefined : [...values]);
      const resourceRules = rules.filter((rule) => (rule.resources ?? []).length > 0).map(({ verbs, apiGroups, resources, resourceNames }) => compact({
        verbs: [...verbs], apiGroups: list(apiGroups), resources: list(resources), resourceNames: list(resourceNames),
      }));
      const nonResourceRules = rules.filter((rule) => (rule.nonResourceURLs ?? []).length > 0).map(({ verbs, nonResourceURLs }) => ({
        verbs: [...verbs], nonResourceURLs: [...nonResourceURLs!],
      }));
      const status = { resourceRules, nonResourceRules, incomplete: isNode, ...(problems.length === 0 ? {} : { evaluationError: aggregate(problems) }) };
      return { kind: 'SelfSubjectRulesReview', apiVersion: `${GROUP}/v1`, metadata: {}, spec: {}, status } as SelfSubjectRulesReview;
    },
  };
}

interface ResourceRuleParts { verbs: string[]; apiGroups?: string[] | undefined; resources?: string[] | undefined; resourceNames?: string[] | undefined }

function compact(rule: ResourceRuleParts): ResourceRuleParts {
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined)) as unknown as ResourceRuleParts;
}
