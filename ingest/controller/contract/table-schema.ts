import type { IngestError } from '../../core/errors';
import type { Controller } from '../controller';

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

const TRANSACTION = { name: 'qserv_trans_id', type: 'INT NOT NULL' };

/** Columns of tables, as every backend shows and changes them. `register` makes a catalog with tables Object, Source and Filter. */
export function tableSchemaCases(controller: () => Controller, register: () => Promise<string>): void {
  const published = async (): Promise<string> => {
    const name = await register();
    await controller().allocateChunks({ database: name }, [7480]);
    await controller().publish(name);
    return name;
  };

  describe('table schemas', () => {
    test('are told as they were registered, and once published as MariaDB has them', async () => {
      const name = await register();
      const text = { name: 'filterName', type: "CHAR(3) NOT NULL DEFAULT 'x'" };
      expect(await controller().tableSchema(name, 'Filter')).toEqual([TRANSACTION, text]);
      await controller().allocateChunks({ database: name }, [7480]);
      await controller().publish(name);
      const transaction = { ...TRANSACTION, type: 'INT(11) NOT NULL' };
      expect(await controller().tableSchema(name, 'Filter')).toEqual([transaction, text]);
      expect(await controller().tableSchema(name, 'Source')).toEqual([
        transaction,
        { name: 'sourceId', type: 'BIGINT(20) NOT NULL' },
        { name: 'objectId', type: 'BIGINT(20) DEFAULT NULL' },
      ]);
    });

    test('are changed; nothing but columns is', async () => {
      const name = await published();
      await controller().alterTable(name, 'Source', 'ADD COLUMN flux DOUBLE NOT NULL DEFAULT 0 AFTER sourceId');
      await controller().alterTable(name, 'Source', 'CHANGE flux f FLOAT, ADD (a INT, b VARCHAR(5))');
      expect((await controller().tableSchema(name, 'Source')).slice(1)).toEqual([
        { name: 'sourceId', type: 'BIGINT(20) NOT NULL' },
        { name: 'f', type: 'FLOAT DEFAULT NULL' },
        { name: 'objectId', type: 'BIGINT(20) DEFAULT NULL' },
        { name: 'a', type: 'INT(11) DEFAULT NULL' },
        { name: 'b', type: 'VARCHAR(5) DEFAULT NULL' },
      ]);
      for (const spec of [
        'RENAME TO x',
        'ADD INDEX (a)',
        'ADD c INT; DROP TABLE x',
        'ENGINE=InnoDB',
        'DROP objectId',
      ]) {
        await expect(controller().alterTable(name, 'Source', spec)).rejects.toEqual(failure('INVALID_INPUT'));
      }
      await expect(controller().alterTable(name, 'Source', 'ADD a INT')).rejects.toEqual(
        failure('INVALID_INPUT', 'Duplicate column'),
      );
    });

    test('are refused for what is not there, or not published', async () => {
      const name = await register();
      await expect(controller().alterTable(name, 'Filter', 'ADD c INT')).rejects.toEqual(
        failure('ILLEGAL_STATE', 'not published'),
      );
      await expect(controller().tableSchema('nope', 'T')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller().tableSchema(name, 'T')).rejects.toEqual(failure('UNKNOWN_TABLE'));
      await expect(controller().alterTable('nope', 'T', 'ADD c INT')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller().alterTable(name, 'T', 'ADD c INT')).rejects.toEqual(failure('UNKNOWN_TABLE'));
    });
  });
}
