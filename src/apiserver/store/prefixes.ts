/** Where upstream keeps each resource below `/registry`. */
import { REGISTRY } from './storage-feed.ts';

const SPECIAL: Readonly<Record<string, string>> = {
  '/replicationcontrollers': 'controllers', '/endpoints': 'services/endpoints', '/services': 'services/specs', '/nodes': 'minions',
  'events.k8s.io/events': 'events', 'extensions/ingresses': 'ingress', 'networking.k8s.io/ingresses': 'ingress',
  'apiextensions.k8s.io/customresourcedefinitions': 'apiextensions.k8s.io/customresourcedefinitions',
  'apiregistration.k8s.io/apiservices': 'apiregistration.k8s.io/apiservices',
};

export function storagePrefix(group: string, resource: string, custom = false): string {
  if (custom) return `${REGISTRY}${group}/${resource}/`;
  return `${REGISTRY}${SPECIAL[`${group}/${resource}`] ?? resource}/`;
}
