import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricsRegistry } from '#base/metrics';
import { VirtualClock } from '#base/virtual-clock';
import { admissionChain } from './chain.ts';
import type { AdmissionAttributes } from './plugin.ts';
import { timedAdmission } from './timed-admission.ts';

test('plugins and steps are timed, refusals told apart', async () => {
  const metrics = new MetricsRegistry();
  const timed = timedAdmission(metrics, new VirtualClock());
  const chain = timed.chain(admissionChain(timed.plugins([
    { name: 'Changes', admit: () => {} },
    { name: 'Refuses', validate: () => Promise.reject(new Error('no')) },
  ])));
  const attributes = { operation: 'CREATE' } as AdmissionAttributes;
  await chain.admit(attributes);
  await assert.rejects(chain.validate(attributes), /no/);
  const text = metrics.text();
  assert.match(text, /controller_admission_duration_seconds_count\{name="Changes",operation="CREATE",rejected="false",type="admit"\} 1\n/);
  assert.match(text, /controller_admission_duration_seconds_count\{name="Refuses",operation="CREATE",rejected="true",type="validate"\} 1\n/);
  assert.match(text, /step_admission_duration_seconds_summary_count\{operation="CREATE",rejected="true",type="validate"\} 1\n/);
});
