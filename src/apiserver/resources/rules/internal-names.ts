/** Where upstream's internal types name or order their fields otherwise than the schema does. */

/** JSON name, alone or with its type before it → Go name. */
export const FIELD_NAMES: Readonly<Record<string, string>> = {
  apiGroup: 'APIGroup', apiVersion: 'APIVersion', uid: 'UID', os: 'OS', dnsPolicy: 'DNSPolicy', dnsConfig: 'DNSConfig', tty: 'TTY',
  seLinuxOptions: 'SELinuxOptions', seLinuxChangePolicy: 'SELinuxChangePolicy', httpGet: 'HTTPGet', tcpSocket: 'TCPSocket', grpc: 'GRPC',
  cidrs: 'CIDRs', ip: 'IP', csi: 'CSI', nfs: 'NFS', fc: 'FC', rbd: 'RBD', iscsi: 'ISCSI', cephfs: 'CephFS', fsType: 'FSType',
  fsGroup: 'FSGroup', fsGroupChangePolicy: 'FSGroupChangePolicy', cpu: 'CPU', url: 'URL', apiGroups: 'APIGroups', apiVersions: 'APIVersions',
  nonResourceURLs: 'NonResourceURLs', httpHeaders: 'HTTPHeaders', uri: 'URI', windowsOptions: 'WindowsOptions', cel: 'CEL',
  'resource/v1.DeviceAttribute.int': 'IntValue', 'resource/v1.DeviceAttribute.bool': 'BoolValue', 'resource/v1.DeviceAttribute.string': 'StringValue',
  'resource/v1.DeviceAttribute.version': 'VersionValue', 'resource/v1.DeviceAttribute.ints': 'IntValues', 'resource/v1.DeviceAttribute.bools': 'BoolValues',
  'resource/v1.DeviceAttribute.strings': 'StringValues', 'resource/v1.DeviceAttribute.versions': 'VersionValues',
  gcePersistentDisk: 'GCEPersistentDisk', awsElasticBlockStore: 'AWSElasticBlockStore', storageos: 'StorageOS',
  'apiextensions/v1.JSONSchemaProps.id': 'ID', 'apiextensions/v1.JSONSchemaProps.$schema': 'Schema', 'apiextensions/v1.JSONSchemaProps.$ref': 'Ref',
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields', 'x-kubernetes-embedded-resource': 'XEmbeddedResource', 'x-kubernetes-int-or-string': 'XIntOrString',
  'x-kubernetes-list-map-keys': 'XListMapKeys', 'x-kubernetes-list-type': 'XListType', 'x-kubernetes-map-type': 'XMapType', 'x-kubernetes-validations': 'XValidations',
  jsonPath: 'JSONPath', caBundle: 'CABundle',
};

/** The fields of a type in the internal type's order. */
export const FIELD_ORDER: Readonly<Record<string, string>> = {
  'apiextensions/v1.JSONSchemaProps': 'id $schema $ref description type nullable format title default maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern '
    + 'maxItems minItems uniqueItems multipleOf enum maxProperties minProperties required items allOf oneOf anyOf not properties additionalProperties '
    + 'patternProperties dependencies additionalItems definitions externalDocs example x-kubernetes-preserve-unknown-fields '
    + 'x-kubernetes-embedded-resource x-kubernetes-int-or-string x-kubernetes-list-map-keys x-kubernetes-list-type x-kubernetes-map-type '
    + 'x-kubernetes-validations',
  'core/v1.PersistentVolumeSpec': 'capacity gcePersistentDisk awsElasticBlockStore hostPath glusterfs nfs rbd quobyte iscsi flexVolume cinder cephfs fc '
    + 'flocker azureFile vsphereVolume azureDisk photonPersistentDisk portworxVolume scaleIO local storageos csi accessModes claimRef '
    + 'persistentVolumeReclaimPolicy storageClassName mountOptions volumeMode nodeAffinity volumeAttributesClassName',
  'core/v1.PodSpec': 'volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds '
    + 'dnsPolicy nodeSelector serviceAccountName automountServiceAccountToken nodeName securityContext imagePullSecrets hostname subdomain '
    + 'setHostnameAsFQDN affinity schedulerName tolerations hostAliases priorityClassName priority preemptionPolicy dnsConfig readinessGates '
    + 'runtimeClassName overhead enableServiceLinks topologySpreadConstraints os schedulingGates resourceClaims resources hostnameOverride schedulingGroup',
  'core/v1.PodSecurityContext': 'hostNetwork hostPID hostIPC shareProcessNamespace hostUsers seLinuxOptions windowsOptions runAsUser runAsGroup '
    + 'runAsNonRoot supplementalGroups supplementalGroupsPolicy fsGroup fsGroupChangePolicy sysctls seccompProfile appArmorProfile seLinuxChangePolicy',
};

/** Fields of a pod spec that are the security context's internally, with their zero values. */
export const MOVED_FIELD_ZEROS: Readonly<Record<string, string>> = {
  hostNetwork: 'false', hostPID: 'false', hostIPC: 'false', shareProcessNamespace: 'null', hostUsers: 'null',
};
