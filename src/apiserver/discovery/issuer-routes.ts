/**
 * What others verify service-account tokens with: the OpenID discovery document and the key set, for GET only and in their own
 * media types.
 */
import { JWKS_CACHE_CONTROL, JWKS_CONTENT_TYPE, type IssuerDocuments } from '../access.ts';
import { bytesResponse, header, textResponse, type RequestContext } from '../context.ts';
import { methodNotAllowed } from '../handlers/dispatch.ts';
import type { ApiResponse } from '../request.ts';
import type { MountedRoute } from './routes.ts';

const CONFIGURATION_PATH = '/.well-known/openid-configuration';
const KEYS_PATH = '/openid/v1/jwks';

/** @param serverAddress `host:port` under which `jwks_uri` is reached. */
export function issuerRoutes(documents: IssuerDocuments, serverAddress: string): MountedRoute[] {
  return [
    { path: CONFIGURATION_PATH, handle: (context) => answer(context, 'application/json', () => documents.openIdConfiguration(`https://${serverAddress}${KEYS_PATH}`)) },
    { path: KEYS_PATH, handle: (context) => answer(context, JWKS_CONTENT_TYPE, () => documents.jwks()) },
  ];
}

async function answer({ request }: RequestContext, mediaType: string, document: () => Promise<object>): Promise<ApiResponse> {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  const accept = header(request, 'accept');
  if (accept !== '' && !accepts(accept, mediaType)) return textResponse(406, `Available representations: ${mediaType}\n`);
  const response = bytesResponse(200, mediaType, Buffer.from(JSON.stringify(await document())));
  response.headers['cache-control'] = JWKS_CACHE_CONTROL;
  return response;
}

function accepts(accept: string, mediaType: string): boolean {
  const family = `${mediaType.slice(0, mediaType.indexOf('/'))}/*`;
  return accept.split(',').some((part) => ['*/*', mediaType, family].includes(part.split(';')[0]!.trim()));
}
