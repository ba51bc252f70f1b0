/**
 * What can go wrong while bytes become an object. The texts are upstream's, without the sentence around them that says of
 * what kind the object should have been (see serializer.ts).
 */

/** The bytes are no object of the kind. */
export class DecodeError extends Error {}

/** The bytes are not even well-formed: kind and version could not be read from them. */
export class MalformedError extends DecodeError {}
