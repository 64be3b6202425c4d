"""A service as one writes it first: FastAPI, sqlite3, INSERT OR IGNORE, a commit for each request before its answer."""

import json
import os
import sqlite3
import threading
from typing import Any, Dict, List, Optional, Union

from fastapi import FastAPI
from pydantic import BaseModel


class Event(BaseModel):
    topic: str
    event_id: str
    timestamp: str
    source: Optional[str] = None
    payload: Dict[str, Any] = {}


app = FastAPI()
lock = threading.Lock()
db = sqlite3.connect(os.environ["EVENTS_DB"], check_same_thread=False)
db.execute(
    "CREATE TABLE events (topic TEXT, event_id TEXT, timestamp TEXT, source TEXT, payload TEXT,"
    " PRIMARY KEY (topic, event_id))"
)
db.commit()
stats = {"received": 0, "unique": 0}


@app.post("/publish")
def publish(body: Union[List[Event], Event]):
    events = body if isinstance(body, list) else [body]
    unique = 0
    with lock:
        for event in events:
            row = (event.topic, event.event_id, event.timestamp, event.source, json.dumps(event.payload))
            unique += db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", row).rowcount
        db.commit()
        stats["received"] += len(events)
        stats["unique"] += unique
    return {"received": len(events), "unique": unique, "duplicates": len(events) - unique}


@app.get("/stats")
def read_stats():
    with lock:
        rows = db.execute("SELECT count(*) FROM events").fetchone()[0]
        journal = db.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = db.execute("PRAGMA synchronous").fetchone()[0]
    return {**stats, "rows": rows, "journal": journal, "synchronous": synchronous}
