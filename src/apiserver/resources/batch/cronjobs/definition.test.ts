import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { cronJobDefinition } from './definition.ts';

const rules = rulesOf(cronJobDefinition, `
metadata: {name: c, namespace: ns}
spec: {schedule: "* * * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}
`);

test('a new cron job', () => {
  const rows: Row[] = [
    [''],
    ['spec: {schedule: ""}', 'spec.schedule: Required value'],
    ['spec: {schedule: "* * * *"}', 'spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]'],
    ['spec: {schedule: "61 * * * *"}', 'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61'],
    ['spec: {schedule: "@odd"}', 'spec.schedule: Invalid value: "@odd": unrecognized descriptor: @odd'],
    ['spec: {schedule: "TZ=UTC * * * * *"}',
      'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'],
    ['spec: {timeZone: Odd/Zone}', 'spec.timeZone: Invalid value: "Odd/Zone": unknown time zone Odd/Zone'],
    ['spec: {timeZone: ""}', 'spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'],
    ['spec: {concurrencyPolicy: Odd}', 'spec.concurrencyPolicy: Unsupported value: "Odd": supported values: "Allow", "Forbid", "Replace"'],
    ['spec: {startingDeadlineSeconds: -1}', 'spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {jobTemplate: {spec: {manualSelector: true}}}',
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"'],
    ['metadata: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}',
      'metadata.name: Invalid value: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": must be no more than 52 characters'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed cron job', () => {
  const rows: Row[] = [
    ['spec: {schedule: "*/5 0-3 1,2 jan-mar sun"}'],
    ['spec: {timeZone: Europe/Berlin}'],
    ['spec: {schedule: odd}', 'spec.schedule: Invalid value: "odd": expected exactly 5 fields, found 1: [odd]'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
