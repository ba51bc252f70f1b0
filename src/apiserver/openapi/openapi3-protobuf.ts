/**
 * OpenAPI v3 in protobuf, as `application/com.github.proto-openapi.spec.v3@v1.0+protobuf` names it: what clients that check schemas
 * by themselves read. The messages are those of gnostic's OpenAPIv3.proto.
 */
import { EXTENSIONS, isRecord, lengthDelimited, MessageWriter, SELF, type FieldSpec, type Json } from './gnostic-messages.ts';
import { bytesOf, type DocumentPieces, type Notation } from './notation.ts';

const MESSAGES: Readonly<Record<string, readonly FieldSpec[]>> = {
  Info: [[1, 'title', 'string'], [2, 'description', 'string'], [6, 'version', 'string']],
  PathItem: [
    [2, 'summary', 'string'], [3, 'description', 'string'], [4, 'get', 'Operation'], [5, 'put', 'Operation'], [6, 'post', 'Operation'], [7, 'delete', 'Operation'],
    [8, 'options', 'Operation'], [9, 'head', 'Operation'], [10, 'patch', 'Operation'], [13, 'parameters', 'ParameterItem[]'], [14, EXTENSIONS, 'Any{}'],
  ],
  Operation: [
    [1, 'tags', 'string[]'], [2, 'summary', 'string'], [3, 'description', 'string'], [5, 'operationId', 'string'], [6, 'parameters', 'ParameterItem[]'],
    [7, 'requestBody', 'RequestBodyItem'], [8, 'responses', 'Responses'], [10, 'deprecated', 'bool'], [13, EXTENSIONS, 'Any{}'],
  ],
  Reference: [[1, '$ref', 'string'], [2, 'summary', 'string'], [3, 'description', 'string']],
  Parameter: [
    [1, 'name', 'string'], [2, 'in', 'string'], [3, 'description', 'string'], [4, 'required', 'bool'], [10, 'schema', 'SchemaItem'], [13, 'content', 'MediaTypes'], [14, EXTENSIONS, 'Any{}'],
  ],
  RequestBody: [[1, 'description', 'string'], [2, 'content', 'MediaTypes'], [3, 'required', 'bool'], [4, EXTENSIONS, 'Any{}']],
  MediaTypes: [[1, SELF, 'MediaType{}']],
  MediaType: [[1, 'schema', 'SchemaItem'], [5, EXTENSIONS, 'Any{}']],
  /** By status code; our documents have no `default`. */
  Responses: [[2, SELF, 'ResponseItem{}']],
  Response: [[1, 'description', 'string'], [3, 'content', 'MediaTypes'], [5, EXTENSIONS, 'Any{}']],
  Schema: [
    [1, 'nullable', 'bool'], [7, 'example', 'Any'], [8, 'deprecated', 'bool'], [9, 'title', 'string'], [10, 'multipleOf', 'double'], [11, 'maximum', 'double'],
    [12, 'exclusiveMaximum', 'bool'], [13, 'minimum', 'double'], [14, 'exclusiveMinimum', 'bool'], [15, 'maxLength', 'int'], [16, 'minLength', 'int'],
    [17, 'pattern', 'string'], [18, 'maxItems', 'int'], [19, 'minItems', 'int'], [20, 'uniqueItems', 'bool'], [21, 'maxProperties', 'int'], [22, 'minProperties', 'int'],
    [23, 'required', 'string[]'], [24, 'enum', 'Any[]'], [25, 'type', 'string'], [26, 'allOf', 'SchemaItem[]'], [27, 'oneOf', 'SchemaItem[]'], [28, 'anyOf', 'SchemaItem[]'],
    [29, 'not', 'Schema'], [30, 'items', 'ItemsItem'], [31, 'properties', 'Properties'], [32, 'additionalProperties', 'AdditionalProperties'], [33, 'default', 'Default'],
    [34, 'description', 'string'], [35, 'format', 'string'], [36, EXTENSIONS, 'Any{}'],
  ],
  ItemsItem: [[1, SELF, 'SchemaItem']],
  Properties: [[1, SELF, 'SchemaItem{}']],
  SecuritySchemes: [[1, SELF, 'SecuritySchemeItem{}']],
  SecurityScheme: [[1, 'type', 'string'], [2, 'description', 'string'], [3, 'name', 'string'], [4, 'in', 'string']],
};

/** A message that is either the thing or a reference to it. */
const ITEMS: Readonly<Record<string, string>> = {
  ParameterItem: 'Parameter', RequestBodyItem: 'RequestBody', ResponseItem: 'Response', SchemaItem: 'Schema', SecuritySchemeItem: 'SecurityScheme',
};

function fieldsFor(message: string, value: unknown): readonly FieldSpec[] {
  const item = ITEMS[message];
  if (item !== undefined) return isRecord(value) && '$ref' in value ? [[2, SELF, 'Reference']] : [[1, SELF, item]];
  switch (message) {
    case 'AdditionalProperties': return typeof value === 'boolean' ? [[2, SELF, 'bool']] : [[1, SELF, 'SchemaItem']];
    // Objects and lists have no place in the message: it stays empty.
    case 'Default': return typeof value === 'number' ? [[1, SELF, 'double']] : typeof value === 'boolean' ? [[2, SELF, 'bool']] : typeof value === 'string' ? [[3, SELF, 'string']] : [];
    default: return MESSAGES[message]!;
  }
}

const messages = new MessageWriter(fieldsFor);

export const OPENAPI3_PROTOBUF: Notation = {
  pair: (section, name, value) => messages.pair(1, name, value, section === 'path' ? 'PathItem' : 'SchemaItem'),
};

export interface OpenApi3Frame { readonly openapi: string; readonly info: Json; readonly securitySchemes: Json }

export function openApi3Parts({ openapi, info, securitySchemes }: OpenApi3Frame, { paths, definitions }: DocumentPieces): Buffer[] {
  const components = [...lengthDelimited(1, bytesOf(definitions)), messages.field(7, securitySchemes, 'SecuritySchemes')];
  return [
    messages.field(1, openapi, 'string'), messages.field(2, info, 'Info'), ...lengthDelimited(4, bytesOf(paths)), ...lengthDelimited(5, components),
  ];
}
