"""The serverless.yml of a sample function, for the tests of the deployment and the doctor."""

MPS_TRIGGER = {
    "mps": {"parameters": {"type": "WorkflowTask", "qualifier": "$DEFAULT", "enable": True}}
}
TIMER = {
    "timer": {
        "name": "reconcile",
        "parameters": {
            "cronExpression": "0 0 */6 * * * *",
            "argument": "reconcile 6h",
            "enable": True,
        },
    }
}
INPUTS = {
    "name": "shop-events",
    "type": "event",
    "src": {"src": "./", "dist": "./build"},
    "handler": "index.main_handler",
    "runtime": "Python3.10",
    "region": "ap-guangzhou",
    "memorySize": 256,
    "timeout": 60,
    "role": "Mps_ScfRole",
    "environment": {"variables": {"MPS_LOG_LEVEL": "INFO"}},
    "events": [MPS_TRIGGER],
}
TOP = {"app": "shop", "stage": "dev", "component": "scf", "name": "events"}
"""The keys next to `inputs`."""
