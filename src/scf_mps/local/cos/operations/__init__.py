"""The operations of COS's API, one coroutine each: `async def name(cloud, call) -> answer`.

They translate between headers, parameters and documents on one side and the store on the other.
Which request means which operation is in `routing`.
"""
