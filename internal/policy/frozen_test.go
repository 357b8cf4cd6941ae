package policy

// frozenShop is the digest of testdata/shop.yaml. It changes only with the
// canonical form, which then needs an entry in CHANGELOG.
const frozenShop = "502e81d97154f804a239f899a359d758395136fa97dbd8fec099a2bc81e11419"
