import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import type { AnyEndpoint } from '../../api/qserv/endpoint';
import { openApiDocument } from '../../api/qserv/openapi/document';

/** Where the document and its page are. */
const DOCUMENT_PATH = '/openapi.json';
const PAGE_PATH = '/docs';

/** The page has all it needs from here; nothing else may be loaded into it. */
const CONTENT_POLICY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; frame-ancestors 'self'";

/** Serves the OpenAPI document of these endpoints, and a page to read it. */
export function registerOpenApi(
  app: FastifyInstance,
  service: 'controller' | 'worker',
  endpoints: AnyEndpoint[],
): void {
  const document = openApiDocument(service, endpoints);
  app.get(DOCUMENT_PATH, async (_, reply) => reply.type('application/json').send(document));
  app.register(async (own) => {
    await own.register(swagger, { mode: 'static', specification: { document: document as never } });
    await own.register(swaggerUi, {
      routePrefix: PAGE_PATH,
      staticCSP: CONTENT_POLICY,
      theme: { title: document.info.title, css: [{ filename: 'own.css', content: '.topbar { display: none }' }] },
      uiConfig: {
        deepLinking: true,
        docExpansion: 'list',
        defaultModelRendering: 'model',
        defaultModelExpandDepth: 8,
        // Else the page asks a server on the Internet whether the document is sound.
        validatorUrl: null,
        // Requests carry keys: they are not made from here.
        supportedSubmitMethods: [],
      },
    });
  });
}
