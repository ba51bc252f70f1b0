/**
 * OpenAPI v2 in protobuf, as `application/com.github.proto-openapi.spec.v2@v1.0+protobuf` names it: what older kubectl reads.
 *
 * One table says how the JSON of each message maps to fields; the messages are those of gnostic's OpenAPIv2.proto.
 */
import { encodeYaml } from '#machinery/codec/yaml';
import { ProtoWriter, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT } from '#machinery/codec/protobuf-wire';

type Json = Readonly<Record<string, unknown>>;

/** Number, key in JSON, type; `[]` repeats, `{}` repeats name–value pairs of an object. */
type FieldSpec = readonly [number: number, key: string, type: string];

/** All keys that start with `x-`. */
const EXTENSIONS = '*extensions';
/** The object itself is the field. */
const SELF = '*self';

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

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parts of a document, each definition and path as JSON text. */
export interface SwaggerParts {
  readonly info: Json;
  readonly paths: ReadonlyMap<string, string>;
  readonly definitions: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
  readonly securityDefinitions: Json;
  readonly security: readonly Json[];
}

/** @param pause gives others a turn; called after each piece. */
export async function encodeSwagger(parts: SwaggerParts, pause: () => Promise<void>): Promise<Buffer> {
  const named = async (pieces: ReadonlyMap<string, string>, field: number, message: string): Promise<Buffer> => {
    const out: Buffer[] = [];
    for (const name of [...pieces.keys()].sort()) {
      const writer = new ProtoWriter();
      writePair(writer, field, name, JSON.parse(pieces.get(name)!), message);
      out.push(writer.finish());
      await pause();
    }
    return Buffer.concat(out);
  };
  const paths = await named(parts.paths, 2, 'PathItem');
  const definitions = await named(parts.definitions, 1, 'Schema');
  const parameters = await named(parts.parameters, 1, 'Parameter');
  return Buffer.concat([
    whole(1, (writer) => writer.text('2.0')), whole(2, (writer) => writeMessage(writer, parts.info, 'Info')),
    ...lengthDelimited(8, paths), ...lengthDelimited(9, definitions), ...lengthDelimited(10, parameters),
    ...parts.security.map((requirement) => whole(12, (writer) => writeMessage(writer, requirement, 'SecurityRequirement'))),
    whole(13, (writer) => writeMessage(writer, parts.securityDefinitions, 'SecurityDefinitions')),
  ]);
}

function whole(field: number, write: (writer: ProtoWriter) => void): Buffer {
  const writer = new ProtoWriter();
  write(writer);
  writer.header(field, 0);
  return writer.finish();
}

function lengthDelimited(field: number, body: Buffer): Buffer[] {
  const writer = new ProtoWriter();
  writer.varint(body.length);
  writer.tag(field, WIRE_BYTES);
  return [writer.finish(), body];
}

function writeMessage(writer: ProtoWriter, value: unknown, message: string): void {
  const fields = [...fieldsFor(message, value)].sort((a, b) => b[0] - a[0]);
  for (const [number, key, type] of fields) {
    const part = key === SELF ? value : key === EXTENSIONS ? extensionsOf(value as Json) : (value as Json)[key];
    if (part !== undefined) writeField(writer, number, part, type);
  }
}

function extensionsOf(value: Json): Json | undefined {
  const entries = Object.entries(value).filter(([key]) => key.startsWith('x-'));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function writeField(writer: ProtoWriter, number: number, value: unknown, type: string): void {
  if (type.endsWith('[]')) {
    for (const item of (value as readonly unknown[]).toReversed()) writeSingle(writer, number, item, type.slice(0, -2));
  } else if (type.endsWith('{}')) {
    for (const name of Object.keys(value as Json).sort().reverse()) writePair(writer, number, name, (value as Json)[name], type.slice(0, -2));
  } else {
    writeSingle(writer, number, value, type);
  }
}

function writePair(writer: ProtoWriter, number: number, name: string, value: unknown, type: string): void {
  const before = writer.size;
  writeSingle(writer, 2, value, type);
  writeSingle(writer, 1, name, 'string');
  writer.header(number, before);
}

function writeSingle(writer: ProtoWriter, number: number, value: unknown, type: string): void {
  if (type === 'bool' || type === 'int') {
    writer.varint(type === 'int' ? value as number : value === true ? 1 : 0);
    writer.tag(number, WIRE_VARINT);
  } else if (type === 'double') {
    writer.double(value as number);
    writer.tag(number, WIRE_FIXED64);
  } else {
    const before = writer.size;
    if (type === 'string') writer.text(String(value));
    else if (type === 'Any') writeSingle(writer, 2, encodeYaml(value), 'string');
    else writeMessage(writer, value, type);
    writer.header(number, before);
  }
}
