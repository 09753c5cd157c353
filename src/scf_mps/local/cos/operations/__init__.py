"""Operations of COS's API, one coroutine each: `async def name(cloud, call) -> Response`.

They translate between headers, parameters and documents on one side and the store on the other.
To add an operation, write its coroutine in the module of its resource and add a row to
`routes.ROUTES`. Error codes are in `errors.CATALOGUE`.
"""
