"""Emulators of the cloud for tests and local runs. They are never deployed.

- `cos`: COS for official clients. Operations are in `cos/operations`, their table in `cos/routes`.
- `api`: Tencent Cloud API 3.0. Products and actions are in `api/services`.
- `scf`: SCF with processes, limits, retries and dead letters.
- `chat_webhooks`: WeCom, DingTalk, Feishu, Slack and other webhooks.
- `samples`: sample notifications of MPS.
"""
