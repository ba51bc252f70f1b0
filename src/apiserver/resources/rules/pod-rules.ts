/**
 * What the rules of a pod spec depend on: whether it is a pod's or a template's, the feature gates, and the faults that the
 * stored spec already has, which an update may keep.
 */

export interface ToleratedFaults {
  readonly badDeletionCost: boolean;
  readonly badSelectorValues: boolean;
  readonly badNodeAffinityValues: boolean;
  readonly indivisibleHugePages: boolean;
  readonly badSpreadSelector: boolean;
  readonly badSpreadLabelKeys: boolean;
  readonly nonLocalTokenPath: boolean;
  readonly hostSysctls: boolean;
  readonly seLinuxChangePolicy: boolean;
  readonly comparingTolerations: boolean;
  readonly devicesWithUserNamespace: boolean;
  readonly restartOnResizeOfInitContainers: boolean;
}

export interface PodRules {
  readonly isPod: boolean;
  readonly tolerated: ToleratedFaults;
  gate(name: string): boolean;
}
