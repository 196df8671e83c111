#!/usr/bin/python3
"""A resource-status manager for Orrery: says how the site's resources are.

    resource_status.py --url amqp://user:password@host/vhost --resources resources.json

resources.json says it for those that somebody looks after, and names a folder for those that are on this machine, which are
measured: its load, and the space that is left there. The file may be changed at any time:

    {"cluster": {"state": "down", "message": "maintenance until noon"}, "here": {"measure": "/scratch"}}

Orrery asks this service where its configuration says

    resource_status = { service = "external", lifetime_s = 10, away = 300 }
"""
import os
import shutil

from bus_service import Refusal, WatchedFile, options_of, serve

LITTLE_SPACE = 0.05  # of a disk: jobs that write will fail


def measured(folder):
    cores = os.cpu_count()
    busy = min(cores, round(os.getloadavg()[0]))
    report = {"state": "up", "nodes_total": 1, "nodes_free": int(busy < cores), "cores_total": cores, "cores_free": cores - busy}
    try:
        disk = shutil.disk_usage(folder)
    except OSError as error:
        return {**report, "state": "down", "message": f"{folder}: {error.strerror}"}
    if disk.free < LITTLE_SPACE * disk.total:
        return {**report, "state": "degraded", "message": f"{folder} has {disk.free >> 20} MiB left"}
    return report


def main():
    options = options_of("Says how resources are.", "--resources", "the file that says how they are")
    resources = WatchedFile(options.resources)

    def status(request):
        entry = resources.content.get(request.get("resource"))
        if entry is None:
            raise Refusal(404, f"Nobody looks after the resource {request.get('resource')}.")
        return measured(entry["measure"]) if "measure" in entry else entry

    def tell_of_changes(publish):
        before = resources.content
        if resources.read():
            for name in before.keys() | resources.content.keys():
                if before.get(name) != resources.content.get(name):
                    publish("resource-status.changed", {"resource": name})

    serve(options.url, options.prefix, "resource-status", {"status": status}, tell_of_changes)


if __name__ == "__main__":
    main()
