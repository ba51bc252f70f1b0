/** How a leader is chosen among candidates: by one of Kubernetes' strategies, or by somebody's own with a domain. */
import { qualifiedNameFaults } from '#machinery/names';
import type { Faults } from './faults.ts';

export const OLDEST_EMULATION_VERSION = 'OldestEmulationVersion';

export function checkLeaseStrategy(strategy: string, place: string, faults: Faults): void {
  if (strategy.includes('/')) faults.invalidAll(`${place}.strategy`, strategy, qualifiedNameFaults(strategy));
  else faults.strictlyOneOf(`${place}.strategy`, strategy, [OLDEST_EMULATION_VERSION]);
}
