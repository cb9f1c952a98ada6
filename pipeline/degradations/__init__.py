"""How low resolution is made from high resolution: seeded operations on batches of images, on a CPU or a GPU.

Images are tensors, N x C x H x W. Parameters are drawn with NumPy on the CPU and random fields on the device, from
streams of each sample's own (`pipeline.streams`): a sample does not depend on its neighbours in a batch, nor on how
many processes share one.

    bicubic       MATLAB's imresize: the LR of clean pairs, and of Impressionism's track 1
    noise_pool    Impressionism: noise of smooth patches of real photographs, laid over clean LR
    kernels       Impressionism's track 2: blur with a kernel of a pool, then reduction
    kernelgan     where those kernels come from: KernelGAN's estimate from one photograph
    second_order  Real-ESRGAN: blur, resize, noise and JPEG, twice;
                  its numbers are in second_order_table, its kernels in blur_kernels, its JPEG in jpeg
    borders       how an image goes on beyond its border
    rounding      back to 8 bits
"""
