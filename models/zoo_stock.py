"""The zoo's images, volumes and signals: resizing, convolutions and poolings of three dimensions, spectrograms."""

from zoo import entry
from zoo_inputs import In

INTERPOLATIONS = ["nearest", "bilinear", "bicubic"]


def image(height=6, width=5, channels=2, **kwargs):
    return {"x": In(height, width, channels, **kwargs)}


def volume(planes=4, height=5, width=4, channels=2):
    return {"x": In(planes, height, width, channels)}


def entries():
    yield from resizes()
    yield from volumes()
    yield from nets()
    yield from signals()
    yield entry("matrix_ops", "keras.ops: cholesky, inv, det, slogdet, solve, svd, qr and eigh.", {"x": In(4, 3)}, matrices, by=["keras3"])


def resizes():
    for how in INTERPOLATIONS:
        yield entry(f"upsampling_{how}", f"UpSampling2D, {how}, of one and of two factors.", image(),
                    lambda k, x, how=how: [k.UpSampling2D(2, interpolation=how)(x), k.UpSampling2D((3, 1), interpolation=how)(x)])  # fmt: skip
    for how in ("lanczos3", "lanczos5"):
        yield entry(f"upsampling_{how}", f"UpSampling2D, {how}.", image(), lambda k, x, how=how: k.UpSampling2D(2, interpolation=how)(x), by=["keras3"])
    yield entry("upsampling_rest", "UpSampling2D: area, gaussian, mitchellcubic, lanczos3 and lanczos5.", image(), lambda k, x: [
        k.UpSampling2D(2, interpolation=how)(x) for how in ("area", "gaussian", "mitchellcubic", "lanczos3", "lanczos5")], by=["tfkeras"])  # fmt: skip
    for how in INTERPOLATIONS:
        yield entry(f"resizing_{how}", f"Resizing, {how}, to a larger and to a smaller size.", image(),
                    lambda k, x, how=how: [k.Resizing(9, 8, interpolation=how)(x), k.Resizing(4, 3, interpolation=how)(x)])  # fmt: skip
    yield entry("resizing_crop", "Resizing that crops to the aspect ratio.", image(8, 5), lambda k, x: k.Resizing(4, 4, crop_to_aspect_ratio=True)(x))
    yield entry("resizing_pad", "Resizing that pads to the aspect ratio.", image(8, 5),
                lambda k, x: k.Resizing(4, 4, pad_to_aspect_ratio=True)(x), by=["keras3"])  # fmt: skip
    yield entry("image_ops", "keras.ops.image: resize with antialias, crop_images, pad_images.", image(8, 6, 3), image_ops, by=["keras3"])
    yield entry("upsampling3d", "UpSampling3D, Cropping3D, ZeroPadding3D.", volume(), lambda k, x: [
        k.UpSampling3D((2, 1, 2))(x), k.Cropping3D(((1, 0), (1, 1), (0, 2)))(x), k.ZeroPadding3D((1, 2, 0))(x)])  # fmt: skip


def image_ops(k, x):
    from keras import ops

    return [ops.image.resize(x, (5, 4), interpolation=how, antialias=True) for how in ("bilinear", "bicubic", "lanczos3")] + [
        ops.image.crop_images(x, 1, 2, target_height=4, target_width=3), ops.image.pad_images(x, 1, 2, target_height=12, target_width=10)]  # fmt: skip


def volumes():
    yield entry("conv3d", "Conv3D: valid, same, strides, without bias.", volume(), lambda k, x: [
        k.Conv3D(3, 2, activation="relu")(x), k.Conv3D(4, (3, 2, 1), padding="same")(x), k.Conv3D(2, 3, strides=(1, 2, 2), padding="same", use_bias=False)(x)])  # fmt: skip
    yield entry("conv3d_transpose", "Conv3DTranspose: valid, same, strides.", volume(2, 3, 2), lambda k, x: [
        k.Conv3DTranspose(3, 2)(x), k.Conv3DTranspose(2, 3, strides=2, padding="same")(x)])  # fmt: skip
    for kind in ("Max", "Average"):
        yield entry(f"pool3d_{kind.lower()}", f"{kind}Pooling3D: valid, same, strides.", volume(), lambda k, x, kind=kind: [
            getattr(k, kind + "Pooling3D")(2)(x), getattr(k, kind + "Pooling3D")((2, 3, 1), strides=(1, 2, 2), padding="same")(x)])  # fmt: skip
        yield entry(f"pool3d_global_{kind.lower()}", f"Global{kind}Pooling3D, also with keepdims.", volume(), lambda k, x, kind=kind: [
            getattr(k, f"Global{kind}Pooling3D")()(x), getattr(k, f"Global{kind}Pooling3D")(keepdims=True)(x)])  # fmt: skip
    yield entry("batch_norm_volumes", "BatchNormalization of volumes, along channels and along planes.", volume(),
                lambda k, x: [k.BatchNormalization()(x), k.BatchNormalization(axis=1)(x)])  # fmt: skip
    yield entry("conv_lstm_3d", "ConvLSTM3D.", {"x": In(3, 2, 3, 2, 2)}, lambda k, x: k.ConvLSTM3D(2, 2, padding="same")(x))


def nets():
    def unet(k, x):
        down = k.Conv2D(3, 3, padding="same", activation="relu")(x)
        middle = k.Conv2D(4, 3, padding="same", activation="relu")(k.MaxPooling2D(2)(down))
        up = k.UpSampling2D(2, interpolation="bilinear")(middle)
        joined = k.Concatenate()([k.Conv2D(3, 2, padding="same")(up), down])
        return k.Conv2D(1, 1, activation="sigmoid")(k.Conv2DTranspose(2, 3, padding="same")(joined))

    yield entry("net_unet", "A small UNet.", image(8, 6), unet)

    def clips(k, x):
        h = k.MaxPooling3D((1, 2, 2))(k.BatchNormalization()(k.Conv3D(3, 3, padding="same", activation="relu")(x)))
        return k.Dense(2)(k.LSTM(4)(k.Reshape((4, -1))(h)))

    yield entry("net_clips", "Conv3D, BatchNormalization and MaxPooling3D of a clip, into an LSTM.", volume(4, 6, 4), clips)


def signals():
    wave = {"x": In(64)}
    yield entry("mel_spectrogram", "MelSpectrogram, in decibels and as powers.", wave, lambda k, x: [
        k.MelSpectrogram(fft_length=16, sequence_stride=8, sequence_length=16, sampling_rate=160, num_mel_bins=4, max_freq=80)(x),
        k.MelSpectrogram(fft_length=20, sequence_stride=5, sequence_length=12, sampling_rate=160, num_mel_bins=5, max_freq=80, power_to_db=False)(x)], by=["keras3"])  # fmt: skip
    yield entry("stft_spectrogram", "STFTSpectrogram: magnitudes and phases.", {"x": In(64, 1)}, lambda k, x: [
        k.STFTSpectrogram(mode=mode, frame_length=16, frame_step=8, fft_length=16, window=None)(x) for mode in ("magnitude", "real", "imag", "log")], by=["keras3"])  # fmt: skip
    yield entry("fourier_ops", "keras.ops: fft, fft2, ifft2, rfft, irfft, stft and istft.", {"x": In(12, 10)}, fourier, by=["keras3"])


def matrices(k, x):
    from keras import ops

    a = 0.25 * ops.matmul(x, ops.transpose(x, (0, 2, 1))) + ops.eye(4)
    u, s, v = ops.svd(x, full_matrices=False)
    q, r = ops.qr(x)
    values, vectors = ops.eigh(a)
    return [ops.cholesky(a), ops.inv(a), ops.det(a), ops.solve(a, x), ops.solve_triangular(a, x, lower=True), s, ops.matmul(u * s[:, None, :], v),
            ops.abs(u), ops.matmul(q, r), values, ops.abs(vectors), ops.slogdet(a)[1]]  # fmt: skip


def fourier(k, x):
    from keras import ops

    y = ops.flip(x, axis=-1)
    spectrum = ops.stft(x, 6, 3, 8)
    return [*ops.fft((x, y)), *ops.fft2((x, y)), *ops.ifft2((x, y)), *ops.rfft(x), ops.irfft(ops.rfft(x)), *spectrum, ops.istft(spectrum, 6, 3, 8)]
