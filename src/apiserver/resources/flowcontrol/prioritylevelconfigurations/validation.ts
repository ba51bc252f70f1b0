/** The rules of priority levels: exempt or limited, and how a limited one queues. */
import type {
  ExemptPriorityLevelConfiguration, LimitedPriorityLevelConfiguration, LimitResponse, PriorityLevelConfiguration, PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '#api/generated/flowcontrol/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { Faults } from '../../rules/faults.ts';
import { checkFlowConditions } from '../../rules/flow-conditions.ts';
import { goJsonOf } from '../../rules/internal-print.ts';

const QUEUES_MAX = 10_000_000;
/** A hand is dealt from one hash of this length. */
const HASH_BITS_MAX = 60;
const ROUND_TRIP_ANNOTATION = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';
const CATCH_ALL: PriorityLevelConfigurationSpec = {
  type: 'Limited', limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
};

export function checkPriorityLevel(level: PriorityLevelConfiguration, faults: Faults): void {
  const name = level.metadata.name ?? '';
  if (level.metadata.annotations?.[ROUND_TRIP_ANNOTATION] !== undefined) {
    faults.forbidden('metadata.annotations', `annotation '${ROUND_TRIP_ANNOTATION}' is forbidden`);
  }
  const spec = level.spec ?? { type: '' };
  checkSpec(spec, name, faults);
  const printed = goJsonOf('flowcontrol/v1.PriorityLevelConfigurationSpec', spec);
  if (name === 'exempt' && (spec.type !== 'Exempt' || spec.limited)) {
    faults.invalid('spec', printed, `spec of '${name}' except the 'spec.exempt' field must equal the fixed value`);
  }
  if (name === 'catch-all' && !semanticEqual(spec, CATCH_ALL)) faults.invalid('spec', printed, `spec of '${name}' must equal the fixed value`);
  checkFlowConditions(level.status?.conditions, faults);
}

function checkSpec(spec: PriorityLevelConfigurationSpec, name: string, faults: Faults): void {
  if ((name === 'exempt') !== (spec.type === 'Exempt')) faults.invalid('spec.type', spec.type, "must be 'Exempt' if and only if `name` is 'exempt'");
  if (spec.type === 'Exempt') {
    if (spec.limited) faults.forbidden('spec.limited', 'must be nil if the type is not Limited');
    if (spec.exempt) checkExempt(spec.exempt, faults);
  } else if (spec.type === 'Limited') {
    if (spec.exempt) faults.forbidden('spec.exempt', 'must be nil if the type is Limited');
    if (spec.limited) checkLimited(spec.limited, faults);
    else faults.required('spec.limited', 'must not be empty when type is Limited');
  } else {
    faults.notSupported('spec.type', spec.type, ['Exempt', 'Limited']);
  }
}

function checkExempt(exempt: ExemptPriorityLevelConfiguration, faults: Faults): void {
  checkNominal(exempt.nominalConcurrencyShares, 'spec.exempt', faults);
  faults.inRange('spec.exempt.lendablePercent', exempt.lendablePercent, 0, 100);
}

function checkLimited(limited: LimitedPriorityLevelConfiguration, faults: Faults): void {
  checkNominal(limited.nominalConcurrencyShares, 'spec.limited', faults);
  checkResponse(limited.limitResponse, 'spec.limited.limitResponse', faults);
  faults.inRange('spec.limited.lendablePercent', limited.lendablePercent, 0, 100);
  const borrowing = limited.borrowingLimitPercent ?? 0;
  if (borrowing < 0) faults.invalid('spec.limited.borrowingLimitPercent', borrowing, 'if specified, must be a non-negative integer');
}

function checkNominal(shares: number | undefined, place: string, faults: Faults): void {
  if ((shares ?? 0) < 0) faults.invalid(`${place}.nominalConcurrencyShares`, shares, 'must be a non-negative integer');
}

function checkResponse(response: LimitResponse | undefined, at: string, faults: Faults): void {
  if (response?.type === 'Reject') {
    if (response.queuing) faults.forbidden(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited');
  } else if (response?.type === 'Queue') {
    if (response.queuing) checkQueuing(response.queuing, `${at}.queuing`, faults);
    else faults.required(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited');
  } else {
    faults.notSupported(`${at}.type`, response?.type, ['Queue', 'Reject']);
  }
}

function checkQueuing({ queueLengthLimit = 0, queues = 0, handSize = 0 }: QueuingConfiguration, place: string, faults: Faults): void {
  if (queueLengthLimit <= 0) faults.invalid(`${place}.queueLengthLimit`, queueLengthLimit, 'must be positive');
  if (queues <= 0) faults.invalid(`${place}.queues`, queues, 'must be positive');
  else if (queues > QUEUES_MAX) faults.invalid(`${place}.queues`, queues, `must not be greater than ${QUEUES_MAX}`);
  if (handSize <= 0) faults.invalid(`${place}.handSize`, handSize, 'must be positive');
  else if (handSize > queues) faults.invalid(`${place}.handSize`, handSize, `should not be greater than queues (${queues})`);
  else if (Math.ceil(Math.log2(queues) * handSize) > HASH_BITS_MAX) {
    faults.invalid(`${place}.handSize`, handSize,
      `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${HASH_BITS_MAX}`);
  }
}
