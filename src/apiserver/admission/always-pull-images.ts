/** Every image is pulled at every start, so that nobody runs what another one's credentials brought to the node. Off by default, as upstream. */
import type { Pod, PodSpec } from '#api/generated/core/v1';
import { fieldErrorText, notSupported, path, type FieldError } from '#machinery/field-error';
import { allContainers } from '../resources/rules/pod-defaults.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { isAbout, refused } from './refusal.ts';

const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

export function alwaysPullImages(): AdmissionPlugin {
  return {
    name: 'AlwaysPullImages',
    admit(attributes) {
      const spec = specWithNewImages(attributes);
      if (spec === undefined) return;
      for (const container of allContainers(spec)) container.imagePullPolicy = 'Always';
      for (const { image } of spec.volumes ?? []) if (image !== undefined) image.pullPolicy = 'Always';
    },
    validate(attributes) {
      const spec = specWithNewImages(attributes);
      const [fault] = spec === undefined ? [] : faultsOf(spec);
      if (fault !== undefined) throw refused(attributes, fieldErrorText(fault));
    },
  };
}

/** Of a pod that is made or gets an image it did not have. */
function specWithNewImages(attributes: AdmissionAttributes): PodSpec | undefined {
  const { operation, object, oldObject } = attributes;
  if (!isAbout(attributes, '', 'pods') || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
  const spec = (object as Pod).spec;
  const oldSpec = (oldObject as Pod | undefined)?.spec;
  if (spec === undefined || oldSpec === undefined) return spec;
  const had = new Set(allContainers(oldSpec).map(({ image }) => image));
  return allContainers(spec).some(({ image }) => !had.has(image)) ? spec : undefined;
}

function faultsOf(spec: PodSpec): FieldError[] {
  const place = path('spec');
  const ofContainers = LISTS.flatMap((list) => (spec[list] ?? []).flatMap(({ imagePullPolicy }, index) => (imagePullPolicy === 'Always' ? []
    : [notSupported(place.child(list).index(index).child('imagePullPolicy'), imagePullPolicy ?? '', ['Always'])])));
  const ofVolumes = (spec.volumes ?? []).flatMap(({ image }, index) => (image === undefined || image.pullPolicy === 'Always' ? []
    : [notSupported(place.child('volumes').index(index).child('image').child('pullPolicy'), image.pullPolicy ?? '', ['Always'])]));
  return [...ofContainers, ...ofVolumes];
}
