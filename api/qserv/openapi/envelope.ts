import { Refusal } from '../refusal';
import type { JsonSchema, ObjectSchema } from './schemas';

/** What every reply has, docs/contract/README.md §2. */

const warning = { type: 'string', description: 'Texts joined by "; ", or empty.' };

export const SUCCESS: ObjectSchema = {
  type: 'object',
  properties: {
    success: { const: 1, description: 'The request was carried out.' },
    error: { const: '', description: 'Empty.' },
    error_ext: { type: 'object', maxProperties: 0, description: 'Empty.' },
    warning,
  },
  required: ['success', 'error', 'error_ext', 'warning'],
};

const COMPONENT = { controller: 'HTTP-PROCESSOR', worker: 'INGEST-HTTP-SVC' };

/** What a service answers when it refuses or fails; with one example of each class. */
export function failure(service: 'controller' | 'worker'): JsonSchema {
  const texts = [
    new Refusal(
      'A',
      `${COMPONENT[service]} none of the authorization keys 'auth_key' or 'admin_auth_key' was found in the request. Please, provide one.`,
    ),
    new Refusal('P', 'RequestBodyJSON::required<T>[static] required parameter table is missing in the request body'),
    new Refusal('F', "CONFIG  _databaseInfo no such database 'test101'."),
    new Refusal('E', 'The requested version 11 of the API is not in the range supported by the service.', {
      min_version: 12,
      max_version: 55,
    }),
  ];
  return {
    type: 'object',
    title: 'Failure',
    description: 'What was refused or failed. The HTTP status is 200.',
    properties: {
      success: { const: 0, description: 'The request was not carried out, or not to its end.' },
      error: {
        type: 'string',
        description:
          'Begins with `failed to pass authorization requirements, ex: ` (keys), `invalid parameters of the request, ex: ` (a ' +
          'missing or wrong parameter) or `operation failed due to: ` (unknown names, wrong JSON types, MySQL, I/O). Any other text ' +
          'is a refusal of its own.',
      },
      error_ext: { type: 'object', description: 'More for programs, or empty.' },
      warning,
    },
    required: ['success', 'error', 'error_ext', 'warning'],
    examples: texts.map((refusal) => ({ success: 0, error: refusal.message, error_ext: refusal.ext, warning: '' })),
  };
}
