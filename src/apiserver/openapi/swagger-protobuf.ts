/**
 * OpenAPI v2 in protobuf, as `application/com.github.proto-openapi.spec.v2@v1.0+protobuf` names it: what older kubectl reads.
 *
 * The messages are those of gnostic's OpenAPIv2.proto.
 */
import { EXTENSIONS, isRecord, lengthDelimited, MessageWriter, SELF, type FieldSpec, type Json } from './gnostic-messages.ts';
import { bytesOf, type DocumentPieces, type Notation } from './notation.ts';

const NUMBERS: readonly FieldSpec[] = [
  [6, 'multipleOf', 'double'], [7, 'maximum', 'double'], [8, 'exclusiveMaximum', 'bool'], [9, 'minimum', 'double'], [10, 'exclusiveMinimum', 'bool'],
  [11, 'maxLength', 'int'], [12, 'minLength', 'int'], [13, 'pattern', 'string'], [14, 'maxItems', 'int'], [15, 'minItems', 'int'],
  [16, 'uniqueItems', 'bool'], [17, 'maxProperties', 'int'], [18, 'minProperties', 'int'],
];

const MESSAGES: Readonly<Record<string, readonly FieldSpec[]>> = {
  Info: [[1, 'title', 'string'], [2, 'version', 'string']],
  PathItem: [
    [2, 'get', 'Operation'], [3, 'put', 'Operation'], [4, 'post', 'Operation'], [5, 'delete', 'Operation'], [6, 'options', 'Operation'],
    [7, 'head', 'Operation'], [8, 'patch', 'Operation'], [9, 'parameters', 'ParametersItem[]'],
  ],
  Operation: [
    [1, 'tags', 'string[]'], [3, 'description', 'string'], [5, 'operationId', 'string'], [6, 'produces', 'string[]'], [7, 'consumes', 'string[]'],
    [8, 'parameters', 'ParametersItem[]'], [9, 'responses', 'Responses'], [10, 'schemes', 'string[]'], [13, EXTENSIONS, 'Any{}'],
  ],
  JsonReference: [[1, '$ref', 'string'], [2, 'description', 'string']],
  BodyParameter: [[1, 'description', 'string'], [2, 'name', 'string'], [3, 'in', 'string'], [4, 'required', 'bool'], [5, 'schema', 'Schema']],
  QueryParameter: [[1, 'required', 'bool'], [2, 'in', 'string'], [3, 'description', 'string'], [4, 'name', 'string'], [6, 'type', 'string'], [7, 'format', 'string'], [20, 'uniqueItems', 'bool']],
  PathParameter: [[1, 'required', 'bool'], [2, 'in', 'string'], [3, 'description', 'string'], [4, 'name', 'string'], [5, 'type', 'string'], [6, 'format', 'string'], [19, 'uniqueItems', 'bool']],
  Responses: [[1, SELF, 'ResponseValue{}']],
  ResponseValue: [[1, SELF, 'Response']],
  Response: [[1, 'description', 'string'], [2, 'schema', 'SchemaItem']],
  SchemaItem: [[1, SELF, 'Schema']],
  Schema: [
    [1, '$ref', 'string'], [2, 'format', 'string'], [3, 'title', 'string'], [4, 'description', 'string'], [5, 'default', 'Any'], ...NUMBERS,
    [19, 'required', 'string[]'], [20, 'enum', 'Any[]'], [21, 'additionalProperties', 'AdditionalProperties'], [22, 'type', 'TypeItem'], [23, 'items', 'ItemsItem'],
    [24, 'allOf', 'Schema[]'], [25, 'properties', 'Properties'], [30, 'example', 'Any'], [31, EXTENSIONS, 'Any{}'],
  ],
  Properties: [[1, SELF, 'Schema{}']],
  ItemsItem: [[1, SELF, 'Schema']],
  SecurityRequirement: [[1, SELF, 'StringArray{}']],
  StringArray: [[1, SELF, 'string[]']],
  SecurityDefinitions: [[1, SELF, 'SecurityDefinition{}']],
  SecurityDefinition: [[2, SELF, 'ApiKeySecurity']],
  ApiKeySecurity: [[1, 'type', 'string'], [2, 'name', 'string'], [3, 'in', 'string'], [4, 'description', 'string']],
};

/** Messages whose fields hang on what the value is. */
function fieldsFor(message: string, value: unknown): readonly FieldSpec[] {
  switch (message) {
    case 'ParametersItem': return isRecord(value) && '$ref' in value ? [[2, SELF, 'JsonReference']] : [[1, SELF, 'Parameter']];
    case 'Parameter': return isRecord(value) && value['in'] === 'body' ? [[1, SELF, 'BodyParameter']] : [[2, SELF, 'NonBodyParameter']];
    case 'NonBodyParameter': return isRecord(value) && value['in'] === 'path' ? [[4, SELF, 'PathParameter']] : [[3, SELF, 'QueryParameter']];
    case 'AdditionalProperties': return typeof value === 'boolean' ? [[2, SELF, 'bool']] : [[1, SELF, 'Schema']];
    case 'TypeItem': return [[1, SELF, Array.isArray(value) ? 'string[]' : 'string']];
    default: return MESSAGES[message]!;
  }
}

const messages = new MessageWriter(fieldsFor);

const SECTIONS = { path: [2, 'PathItem'], definition: [1, 'Schema'], parameter: [1, 'Parameter'] } as const;

export const SWAGGER_PROTOBUF: Notation = {
  pair: (section, name, value) => messages.pair(SECTIONS[section][0], name, value, SECTIONS[section][1]),
};

export interface SwaggerFrame { readonly info: Json; readonly securityDefinitions: Json; readonly security: readonly Json[] }

export function swaggerParts({ info, security, securityDefinitions }: SwaggerFrame, { paths, definitions, parameters }: DocumentPieces): Buffer[] {
  return [
    messages.field(1, '2.0', 'string'), messages.field(2, info, 'Info'),
    ...lengthDelimited(8, bytesOf(paths)), ...lengthDelimited(9, bytesOf(definitions)), ...lengthDelimited(10, bytesOf(parameters)),
    ...security.map((requirement) => messages.field(12, requirement, 'SecurityRequirement')),
    messages.field(13, securityDefinitions, 'SecurityDefinitions'),
  ];
}
