"""Simulations and jobs as a web framework does them: Pyramid, SQLAlchemy's object mapper, SQLite made as durable as
Orrery's (write-ahead log, synchronous=FULL). It has no tokens, no checks and no history.

usage: JOBS_DB=FILE python3 pyramid_jobs.py     makes the tables
       JOBS_DB=FILE gunicorn -w 2 --threads 4 -b 127.0.0.1:PORT pyramid_jobs:application
"""
import os
from datetime import datetime, timezone
from uuid import uuid4

from pyramid.config import Configurator
from pyramid.view import view_config
from sqlalchemy import JSON, Column, DateTime, ForeignKey, Integer, String, create_engine, event
from sqlalchemy.orm import declarative_base, relationship, sessionmaker

Base = declarative_base()


def now():
    return datetime.now(timezone.utc)


def new_id():
    return str(uuid4())


class Simulation(Base):
    __tablename__ = "simulations"
    key = Column(Integer, primary_key=True)
    id = Column(String(36), default=new_id, unique=True)
    name = Column(String(256), nullable=False)
    created_at = Column(DateTime, default=now)


class Job(Base):
    __tablename__ = "jobs"
    key = Column(Integer, primary_key=True)
    id = Column(String(36), default=new_id, unique=True)
    simulation_key = Column(ForeignKey(Simulation.key), index=True)
    simulation = relationship(Simulation)
    state = Column(String(16), default="PENDING", index=True)
    spec = Column(JSON, nullable=False)
    created_at = Column(DateTime, default=now)


engine = create_engine("sqlite:///" + os.environ["JOBS_DB"], connect_args={"timeout": 30})


@event.listens_for(engine, "connect")
def make_durable(connection, _):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


Session = sessionmaker(engine)


def job_json(job):
    return {"id": job.id, "simulation_id": job.simulation.id, "state": job.state, "spec": job.spec,
            "created_at": job.created_at.isoformat()}


@view_config(route_name="simulations", request_method="POST", renderer="json")
def create_simulation(request):
    with Session.begin() as session:
        simulation = Simulation(name=request.json_body["name"])
        session.add(simulation)
        session.flush()
        request.response.status = 201
        return {"id": simulation.id, "name": simulation.name}


@view_config(route_name="jobs", request_method="POST", renderer="json")
def create_job(request):
    with Session.begin() as session:
        simulation = session.query(Simulation).filter_by(id=request.matchdict["simulation"]).one()
        job = Job(simulation=simulation, spec=request.json_body)
        session.add(job)
        session.flush()
        request.response.status = 201
        return job_json(job)


@view_config(route_name="job", request_method="GET", renderer="json")
def get_job(request):
    with Session() as session:
        return job_json(session.query(Job).filter_by(id=request.matchdict["job"]).one())


def make_application():
    with Configurator() as config:
        config.add_route("simulations", "/simulations")
        config.add_route("jobs", "/simulations/{simulation}/jobs")
        config.add_route("job", "/jobs/{job}")
        config.scan(__name__)
        return config.make_wsgi_app()


if __name__ == "__main__":
    Base.metadata.create_all(engine)
else:
    application = make_application()
