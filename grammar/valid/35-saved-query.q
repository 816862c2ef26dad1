# saved, source
#= @nightly since 7d
@nightly since 7d
