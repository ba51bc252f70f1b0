/** Role-based access control: allows what a role grants, has no opinion otherwise. */
import type { Authorizer, Decision } from './authorizer.ts';
import type { RbacIndex } from './rbac-index.ts';
import { ruleAllows } from './rule-match.ts';

export function rbacAuthorizer(index: RbacIndex): Authorizer {
  return {
    name: 'RBAC',
    authorize(attributes): Decision {
      let allowedBy: string | undefined;
      const errors = index.visitRules(attributes.user, attributes.namespace, (rule, source) => {
        if (!ruleAllows(rule, attributes)) return false;
        allowedBy = source();
        return true;
      });
      if (allowedBy !== undefined) return { decision: 'allow', reason: `RBAC: allowed by ${allowedBy}` };
      return { decision: 'no-opinion', reason: errors.length === 0 ? '' : `RBAC: ${aggregate(errors)}` };
    },
  };
}

/** Several errors as one text, the way Go joins them: without repetitions. */
export function aggregate(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`;
}
