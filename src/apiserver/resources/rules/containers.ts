/** The rules of containers: what all three lists share, and what each list adds. */
import type { Container, ContainerPort, EphemeralContainer, PodSpec, Volume, VolumeDevice, VolumeMount } from '#api/generated/core/v1';
import { dns1123LabelFaults, portNameFaults, portNumberFaults } from '#machinery/names';
import { checkEnv, checkEnvFrom } from './environment.ts';
import type { Faults } from './faults.ts';
import { checkProbesAndLifecycle } from './probes.ts';
import type { PodRules } from './pod-rules.ts';
import { checkContainerResources } from './resource-requirements.ts';
import { checkSecurityContext } from './security-context.ts';
import { checkLocalDescendingPath } from './volume-sources.ts';

/** What the containers of one pod spec are checked against. */
export interface PodSurroundings {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claimNames: ReadonlySet<string>;
  readonly hostUsers: boolean;
  readonly rules: PodRules;
}

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const RESTART_RULES_MAX = 20;
const EXIT_CODES_MAX = 255;
const NO_PROBES_TEXT = 'may not be set for init containers without restartPolicy=Always';

export function checkContainers(place: string, pod: PodSurroundings, faults: Faults): void {
  const containers = pod.spec.containers ?? [];
  if (containers.length === 0) return faults.required(place);
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const at = `${place}[${index}]`;
    checkCommon(container, at, pod, faults);
    if (names.has(container.name)) faults.duplicate(`${at}.name`, container.name);
    names.add(container.name);
    checkProbesAndLifecycle(container, pod.spec.os?.name, pod.spec.terminationGracePeriodSeconds, at, faults);
    if (pod.rules.gate('ContainerRestartRules')) checkRestartPolicy(container, at, pod.rules, faults);
    else if (container.restartPolicy !== undefined) faults.forbidden(`${at}.restartPolicy`, 'may not be set for non-init containers');
  }
  checkHostPortConflicts(containers, place, faults);
}

export function checkInitContainers(place: string, pod: PodSurroundings, faults: Faults): void {
  const names = new Set((pod.spec.containers ?? []).map((container) => container.name));
  for (const [index, container] of (pod.spec.initContainers ?? []).entries()) {
    const at = `${place}[${index}]`;
    const isSidecar = container.restartPolicy === 'Always';
    checkCommon(container, at, pod, faults);
    checkInitRestartPolicy(container, at, pod.rules, faults);
    if (names.has(container.name)) faults.duplicate(`${at}.name`, container.name);
    else if (container.name) names.add(container.name);
    checkHostPortConflicts([container], place, faults);
    if (isSidecar) {
      checkProbesAndLifecycle(container, pod.spec.os?.name, pod.spec.terminationGracePeriodSeconds, at, faults);
      continue;
    }
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (container[field]) faults.forbidden(`${at}.${field}`, NO_PROBES_TEXT);
    }
    if (pod.rules.tolerated.restartOnResizeOfInitContainers) continue;
    for (const [policyIndex, policy] of (container.resizePolicy ?? []).entries()) {
      if (policy.restartPolicy !== 'RestartContainer') continue;
      faults.invalid(`${at}.resizePolicy[${policyIndex}].restartPolicy`, policy.restartPolicy,
        "must not be set to 'RestartContainer' for non-sidecar initContainers");
    }
  }
}

function checkInitRestartPolicy(container: Container, at: string, rules: PodRules, faults: Faults): void {
  const restartRules = container.restartPolicyRules ?? [];
  if (container.restartPolicy === undefined) {
    if (restartRules.length > 0) faults.required(`${at}.restartPolicy`, 'must specify restartPolicy when restart rules are used');
  } else if (!rules.gate('ContainerRestartRules')) {
    faults.strictlyOneOf(`${at}.restartPolicy`, container.restartPolicy, ['Always']);
  } else if (container.restartPolicy !== 'Always' || rules.gate('RestartAllContainersOnContainerExits')) {
    checkRestartPolicy(container, at, rules, faults);
  } else if (restartRules.length > 0) {
    faults.forbidden(`${at}.restartPolicyRules`, 'restartPolicyRules are not allowed for init containers with restart policy Always');
  }
}

function checkRestartPolicy(container: Container, at: string, rules: PodRules, faults: Faults): void {
  const restartRules = container.restartPolicyRules ?? [];
  if (container.restartPolicy === undefined) {
    if (restartRules.length === 0) return;
    faults.required(`${at}.restartPolicy`, 'must specify restartPolicy when restart rules are used');
  } else {
    faults.strictlyOneOf(`${at}.restartPolicy`, container.restartPolicy, ['Always', 'Never', 'OnFailure']);
  }
  if (restartRules.length > RESTART_RULES_MAX) faults.tooMany(`${at}.restartPolicyRules`, restartRules.length, RESTART_RULES_MAX);
  const actions = rules.gate('RestartAllContainersOnContainerExits') ? ['Restart', 'RestartAllContainers'] : ['Restart'];
  for (const [index, rule] of restartRules.entries()) {
    const ruleAt = `${at}.restartPolicyRules[${index}]`;
    faults.strictlyOneOf(`${ruleAt}.action`, rule.action, actions);
    if (!rule.exitCodes) {
      faults.required(`${ruleAt}.exitCodes`, 'must be specified');
      continue;
    }
    faults.strictlyOneOf(`${ruleAt}.exitCodes.operator`, rule.exitCodes.operator, ['In', 'NotIn']);
    const values = rule.exitCodes.values ?? [];
    if (values.length > EXIT_CODES_MAX) faults.tooMany(`${ruleAt}.exitCodes.values`, values.length, EXIT_CODES_MAX);
  }
}

const EPHEMERAL_FORBIDDEN = ['ports', 'resources', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resizePolicy',
  'restartPolicy', 'restartPolicyRules'] as const;
const EPHEMERAL_TEXT = 'cannot be set for an Ephemeral Container';

export function checkEphemeralContainers(place: string, pod: PodSurroundings, faults: Faults): void {
  const others = new Set([...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].map((container) => container.name));
  const names = new Set(others);
  for (const [index, container] of (pod.spec.ephemeralContainers ?? []).entries()) {
    const at = `${place}[${index}]`;
    checkCommon(container as Container, at, pod, faults);
    checkImagePadding(container, at, faults);
    if (names.has(container.name)) faults.duplicate(`${at}.name`, container.name);
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) faults.notFound(`${at}.targetContainerName`, target);
    checkEphemeralFields(container, at, faults);
  }
}

function checkEphemeralFields(container: EphemeralContainer, at: string, faults: Faults): void {
  for (const field of EPHEMERAL_FORBIDDEN) {
    const value: unknown = container[field as keyof EphemeralContainer];
    if (value === undefined || value === null) continue;
    if (field === 'resources' && Object.keys(value).length === 0) continue;
    faults.forbidden(`${at}.${field}`, EPHEMERAL_TEXT);
  }
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    if (mount.subPath) faults.forbidden(`${at}.volumeMounts[${index}].subPath`, EPHEMERAL_TEXT);
    if (mount.subPathExpr) faults.forbidden(`${at}.volumeMounts[${index}].subPathExpr`, EPHEMERAL_TEXT);
  }
}

/** Only pods are held to this: templates with padded images are stored already. */
export function checkImagePadding(container: { readonly image?: string }, at: string, faults: Faults): void {
  const image = container.image ?? '';
  if (image.trim() !== image) faults.invalid(`${at}.image`, image, 'must not have leading or trailing whitespace');
}

function checkCommon(container: Container, at: string, pod: PodSurroundings, faults: Faults): void {
  if (!container.name) faults.required(`${at}.name`);
  else faults.invalidAll(`${at}.name`, container.name, dns1123LabelFaults(container.name));
  if (!container.image) faults.required(`${at}.image`);
  faults.oneOf(`${at}.terminationMessagePolicy`, container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError']);
  checkPorts(container.ports ?? [], `${at}.ports`, faults);
  checkEnv(container.env, `${at}.env`, faults, pod.rules);
  checkEnvFrom(container.envFrom, `${at}.envFrom`, faults);
  checkMounts(container, at, pod, faults);
  checkDevices(container, at, pod, faults);
  faults.oneOf(`${at}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  checkContainerResources(container.resources ?? {}, pod.claimNames, `${at}.resources`, faults, pod.rules.tolerated.indivisibleHugePages);
  checkResizePolicy(container, pod.spec.restartPolicy, `${at}.resizePolicy`, faults);
  checkSecurityContext(container.securityContext, `${at}.securityContext`, faults, pod.hostUsers);
}

function checkPorts(ports: readonly ContainerPort[], place: string, faults: Faults): void {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `${place}[${index}]`;
    if (port.name) {
      const texts = portNameFaults(port.name);
      faults.invalidAll(`${at}.name`, port.name, texts);
      if (texts.length === 0 && names.has(port.name)) faults.duplicate(`${at}.name`, port.name);
      if (texts.length === 0) names.add(port.name);
    }
    if (!port.containerPort) faults.required(`${at}.containerPort`);
    else faults.invalidAll(`${at}.containerPort`, port.containerPort, portNumberFaults(port.containerPort));
    if (port.hostPort) faults.invalidAll(`${at}.hostPort`, port.hostPort, portNumberFaults(port.hostPort));
    faults.oneOf(`${at}.protocol`, port.protocol, PROTOCOLS);
  }
}

export function checkHostPortConflicts(containers: readonly Container[], place: string, faults: Faults): void {
  const taken = new Set<string>();
  for (const [index, container] of containers.entries()) {
    for (const [portIndex, port] of (container.ports ?? []).entries()) {
      if (!port.hostPort) continue;
      const key = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(key)) faults.duplicate(`${place}[${index}].ports[${portIndex}].hostPort`, key);
      taken.add(key);
    }
  }
}

function checkMounts(container: Container, at: string, pod: PodSurroundings, faults: Faults): void {
  const devices = container.volumeDevices ?? [];
  const list = `${at}.volumeMounts`;
  const paths = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const mountAt = `${list}[${index}]`;
    const path = mount.mountPath ?? '';
    if (!mount.name) faults.required(`${mountAt}.name`);
    if (!pod.volumes.has(mount.name)) faults.notFound(`${mountAt}.name`, mount.name);
    if (!path) faults.required(`${mountAt}.mountPath`);
    if (paths.has(path)) faults.invalid(`${mountAt}.mountPath`, path, 'must be unique');
    paths.add(path);
    if (devices.some((device) => device.name === mount.name)) faults.invalid(`${mountAt}.name`, mount.name, 'must not already exist in volumeDevices');
    if (devices.some((device) => (device.devicePath ?? '') === path)) {
      faults.invalid(`${mountAt}.mountPath`, path, 'must not already exist as a path in volumeDevices');
    }
    // These four are reported at the list, without the index.
    if (mount.subPath) checkLocalDescendingPath(mount.subPath, `${list}.subPath`, faults);
    if (mount.subPathExpr) {
      if (mount.subPath) faults.invalid(`${mountAt}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive');
      checkLocalDescendingPath(mount.subPathExpr, `${list}.subPathExpr`, faults);
    }
    checkMountPropagation(mount, container, `${list}.mountPropagation`, faults);
    checkRecursiveReadOnly(mount, `${list}.recursiveReadOnly`, faults);
  }
}

function checkMountPropagation(mount: VolumeMount, container: Container, place: string, faults: Faults): void {
  const mode = mount.mountPropagation;
  if (mode === undefined) return;
  faults.strictlyOneOf(place, mode, ['Bidirectional', 'HostToContainer', 'None']);
  if (mode === 'Bidirectional' && container.securityContext?.privileged !== true) {
    faults.forbidden(place, 'Bidirectional mount propagation is available only to privileged containers');
  }
}

function checkRecursiveReadOnly(mount: VolumeMount, place: string, faults: Faults): void {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === 'Disabled') return;
  if (mode !== 'Enabled' && mode !== 'IfPossible') return faults.notSupported(place, mode, ['Disabled', 'Enabled', 'IfPossible']);
  if (!mount.readOnly) faults.forbidden(place, 'may only be specified when readOnly is true');
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    faults.forbidden(place, 'may only be specified when mountPropagation is None or not specified');
  }
}

function checkDevices(container: Container, at: string, pod: PodSurroundings, faults: Faults): void {
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [index, device] of (container.volumeDevices ?? []).entries()) {
    checkDevice(device, `${at}.volumeDevices[${index}]`, container, pod, names, paths, faults);
  }
}

function checkDevice(device: VolumeDevice, at: string, container: Container, pod: PodSurroundings, names: Set<string>, paths: Set<string>, faults: Faults): void {
  const volume = pod.volumes.get(device.name);
  const path = device.devicePath ?? '';
  if (!device.name) faults.required(`${at}.name`);
  if (names.has(device.name)) faults.invalid(`${at}.name`, device.name, 'must be unique');
  if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
    faults.invalid(`${at}.name`, device.name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode');
  }
  if (!volume) faults.notFound(`${at}.name`, device.name);
  if (!path) faults.required(`${at}.devicePath`);
  if (paths.has(path)) faults.invalid(`${at}.devicePath`, path, 'must be unique');
  if (path.split('/').includes('..')) faults.invalid(`${at}.devicePath`, path, "can not contain backsteps ('..')");
  else paths.add(path);
  const mounts = container.volumeMounts ?? [];
  if (mounts.some((mount) => mount.name === device.name)) faults.invalid(`${at}.name`, device.name, 'must not already exist in volumeMounts');
  if (mounts.some((mount) => (mount.mountPath ?? '') === path)) {
    faults.invalid(`${at}.devicePath`, path, 'must not already exist as a path in volumeMounts');
  }
  if (device.name) names.add(device.name);
}

function checkResizePolicy(container: Container, podRestartPolicy: string | undefined, place: string, faults: Faults): void {
  const seen = new Set<string>();
  for (const [index, policy] of (container.resizePolicy ?? []).entries()) {
    if (seen.has(policy.resourceName)) faults.duplicate(`${place}[${index}]`, policy.resourceName);
    seen.add(policy.resourceName);
    faults.oneOf(place, policy.resourceName, ['cpu', 'memory']);
    faults.oneOf(place, policy.restartPolicy, ['NotRequired', 'RestartContainer']);
    if (podRestartPolicy === 'Never' && policy.restartPolicy !== 'NotRequired') {
      faults.invalid(place, policy.restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
    }
  }
}
