"""A stock SQLite client: each line of input is a statement, answered by its rows as JSON and a line that says "done"."""

import json
import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
for statement in sys.stdin:
    try:
        cursor = connection.execute(statement)
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row)) for row in cursor]
        print(json.dumps(rows) if rows else "")
    except sqlite3.Error as error:
        print(f"Error: {error}")
    print("done", flush=True)
